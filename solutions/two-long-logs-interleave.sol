song-0:one-119
song-1:ERR_KEY
song-0:ERR_KEY
song-0:ERR_KEY
song-1:ERR_KEY
song-4:two-119
song-6:one-118
PUT:(song-1, one-1):FALSE
PUT:(song-1, two-1):FALSE
PUT:(song-2, one-2):FALSE
PUT:(song-2, two-2):FALSE
PUT:(song-3, one-3):FALSE
PUT:(song-3, two-3):FALSE
PUT:(song-4, one-4):FALSE
PUT:(song-4, two-4):FALSE
PUT:(song-5, one-5):FALSE
PUT:(song-0, two-5):FALSE
PUT:(song-6, one-6):FALSE
PUT:(song-1, two-6):FALSE
PUT:(song-0, one-7):FALSE
PUT:(song-2, two-7):FALSE
PUT:(song-1, one-8):FALSE
PUT:(song-3, two-8):FALSE
PUT:(song-2, one-9):FALSE
PUT:(song-4, two-9):FALSE
DELETE:(song-3):FALSE
PUT:(song-0, two-10):FALSE
PUT:(song-4, one-11):FALSE
PUT:(song-1, two-11):FALSE
PUT:(song-5, one-12):FALSE
PUT:(song-2, two-12):FALSE
PUT:(song-6, one-13):FALSE
PUT:(song-3, two-13):FALSE
PUT:(song-0, one-14):FALSE
PUT:(song-4, two-14):FALSE
PUT:(song-1, one-15):FALSE
DELETE:(song-0):FALSE
PUT:(song-2, one-16):FALSE
PUT:(song-1, two-16):FALSE
PUT:(song-3, one-17):FALSE
PUT:(song-2, two-17):FALSE
PUT:(song-4, one-18):FALSE
PUT:(song-3, two-18):FALSE
PUT:(song-5, one-19):FALSE
PUT:(song-4, two-19):FALSE
DELETE:(song-6):FALSE
PUT:(song-0, two-20):FALSE
PUT:(song-0, one-21):FALSE
PUT:(song-1, two-21):FALSE
PUT:(song-1, one-22):FALSE
PUT:(song-2, two-22):FALSE
PUT:(song-2, one-23):FALSE
PUT:(song-3, two-23):FALSE
PUT:(song-3, one-24):FALSE
PUT:(song-4, two-24):FALSE
PUT:(song-4, one-25):FALSE
PUT:(song-0, two-25):FALSE
PUT:(song-5, one-26):FALSE
PUT:(song-1, two-26):FALSE
PUT:(song-6, one-27):FALSE
PUT:(song-2, two-27):FALSE
PUT:(song-0, one-28):FALSE
PUT:(song-3, two-28):FALSE
PUT:(song-1, one-29):FALSE
PUT:(song-4, two-29):FALSE
DELETE:(song-2):FALSE
DELETE:(song-0):FALSE
PUT:(song-3, one-31):FALSE
PUT:(song-1, two-31):FALSE
PUT:(song-4, one-32):FALSE
PUT:(song-2, two-32):FALSE
PUT:(song-5, one-33):FALSE
PUT:(song-3, two-33):FALSE
PUT:(song-6, one-34):FALSE
PUT:(song-4, two-34):FALSE
PUT:(song-0, one-35):FALSE
PUT:(song-0, two-35):FALSE
PUT:(song-1, one-36):FALSE
PUT:(song-1, two-36):FALSE
PUT:(song-2, one-37):FALSE
PUT:(song-2, two-37):FALSE
PUT:(song-3, one-38):FALSE
PUT:(song-3, two-38):FALSE
PUT:(song-4, one-39):FALSE
PUT:(song-4, two-39):FALSE
DELETE:(song-5):FALSE
PUT:(song-0, two-40):FALSE
PUT:(song-6, one-41):FALSE
PUT:(song-1, two-41):FALSE
PUT:(song-0, one-42):FALSE
PUT:(song-2, two-42):FALSE
PUT:(song-1, one-43):FALSE
PUT:(song-3, two-43):FALSE
PUT:(song-2, one-44):FALSE
PUT:(song-4, two-44):FALSE
PUT:(song-3, one-45):FALSE
DELETE:(song-0):FALSE
PUT:(song-4, one-46):FALSE
PUT:(song-1, two-46):FALSE
PUT:(song-5, one-47):FALSE
PUT:(song-2, two-47):FALSE
PUT:(song-6, one-48):FALSE
PUT:(song-3, two-48):FALSE
PUT:(song-0, one-49):FALSE
PUT:(song-4, two-49):FALSE
DELETE:(song-1):FALSE
PUT:(song-0, two-50):FALSE
PUT:(song-2, one-51):FALSE
PUT:(song-1, two-51):FALSE
PUT:(song-3, one-52):FALSE
PUT:(song-2, two-52):FALSE
PUT:(song-4, one-53):FALSE
PUT:(song-3, two-53):FALSE
PUT:(song-5, one-54):FALSE
PUT:(song-4, two-54):FALSE
PUT:(song-6, one-55):FALSE
PUT:(song-0, two-55):FALSE
PUT:(song-0, one-56):FALSE
PUT:(song-1, two-56):FALSE
PUT:(song-1, one-57):FALSE
PUT:(song-2, two-57):FALSE
PUT:(song-2, one-58):FALSE
PUT:(song-3, two-58):FALSE
PUT:(song-3, one-59):FALSE
PUT:(song-4, two-59):FALSE
DELETE:(song-4):FALSE
DELETE:(song-0):FALSE
PUT:(song-5, one-61):FALSE
PUT:(song-1, two-61):FALSE
PUT:(song-6, one-62):FALSE
PUT:(song-2, two-62):FALSE
PUT:(song-0, one-63):FALSE
PUT:(song-3, two-63):FALSE
PUT:(song-1, one-64):FALSE
PUT:(song-4, two-64):FALSE
PUT:(song-2, one-65):FALSE
PUT:(song-0, two-65):FALSE
PUT:(song-3, one-66):FALSE
PUT:(song-1, two-66):FALSE
PUT:(song-4, one-67):FALSE
PUT:(song-2, two-67):FALSE
PUT:(song-5, one-68):FALSE
PUT:(song-3, two-68):FALSE
PUT:(song-6, one-69):FALSE
PUT:(song-4, two-69):FALSE
DELETE:(song-0):FALSE
PUT:(song-0, two-70):FALSE
PUT:(song-1, one-71):FALSE
PUT:(song-1, two-71):FALSE
PUT:(song-2, one-72):FALSE
PUT:(song-2, two-72):FALSE
PUT:(song-3, one-73):FALSE
PUT:(song-3, two-73):FALSE
PUT:(song-4, one-74):FALSE
PUT:(song-4, two-74):FALSE
PUT:(song-5, one-75):FALSE
DELETE:(song-0):FALSE
PUT:(song-6, one-76):FALSE
PUT:(song-1, two-76):FALSE
PUT:(song-0, one-77):FALSE
PUT:(song-2, two-77):FALSE
PUT:(song-1, one-78):FALSE
PUT:(song-3, two-78):FALSE
PUT:(song-2, one-79):FALSE
PUT:(song-4, two-79):FALSE
DELETE:(song-3):FALSE
PUT:(song-0, two-80):FALSE
PUT:(song-4, one-81):FALSE
PUT:(song-1, two-81):FALSE
PUT:(song-5, one-82):FALSE
PUT:(song-2, two-82):FALSE
PUT:(song-6, one-83):FALSE
PUT:(song-3, two-83):FALSE
PUT:(song-0, one-84):FALSE
PUT:(song-4, two-84):FALSE
PUT:(song-1, one-85):FALSE
PUT:(song-0, two-85):FALSE
PUT:(song-2, one-86):FALSE
PUT:(song-1, two-86):FALSE
PUT:(song-3, one-87):FALSE
PUT:(song-2, two-87):FALSE
PUT:(song-4, one-88):FALSE
PUT:(song-3, two-88):FALSE
PUT:(song-5, one-89):FALSE
PUT:(song-4, two-89):FALSE
DELETE:(song-6):FALSE
DELETE:(song-0):FALSE
PUT:(song-0, one-91):FALSE
PUT:(song-1, two-91):FALSE
PUT:(song-1, one-92):FALSE
PUT:(song-2, two-92):FALSE
PUT:(song-2, one-93):FALSE
PUT:(song-3, two-93):FALSE
PUT:(song-3, one-94):FALSE
PUT:(song-4, two-94):FALSE
PUT:(song-4, one-95):FALSE
PUT:(song-0, two-95):FALSE
PUT:(song-5, one-96):FALSE
PUT:(song-1, two-96):FALSE
PUT:(song-6, one-97):FALSE
PUT:(song-2, two-97):FALSE
PUT:(song-0, one-98):FALSE
PUT:(song-3, two-98):FALSE
PUT:(song-1, one-99):FALSE
PUT:(song-4, two-99):FALSE
DELETE:(song-2):FALSE
PUT:(song-0, two-100):FALSE
PUT:(song-3, one-101):FALSE
PUT:(song-1, two-101):FALSE
PUT:(song-4, one-102):FALSE
PUT:(song-2, two-102):FALSE
PUT:(song-5, one-103):FALSE
PUT:(song-3, two-103):FALSE
PUT:(song-6, one-104):FALSE
PUT:(song-4, two-104):FALSE
PUT:(song-0, one-105):FALSE
DELETE:(song-0):FALSE
PUT:(song-1, one-106):FALSE
PUT:(song-1, two-106):FALSE
PUT:(song-2, one-107):FALSE
PUT:(song-2, two-107):FALSE
PUT:(song-3, one-108):FALSE
PUT:(song-3, two-108):FALSE
PUT:(song-4, one-109):FALSE
PUT:(song-4, two-109):FALSE
DELETE:(song-5):FALSE
PUT:(song-0, two-110):FALSE
PUT:(song-6, one-111):FALSE
PUT:(song-1, two-111):FALSE
PUT:(song-0, one-112):FALSE
PUT:(song-2, two-112):FALSE
PUT:(song-1, one-113):FALSE
PUT:(song-3, two-113):FALSE
PUT:(song-2, one-114):FALSE
PUT:(song-4, two-114):FALSE
PUT:(song-3, one-115):FALSE
PUT:(song-0, two-115):FALSE
PUT:(song-4, one-116):FALSE
PUT:(song-1, two-116):FALSE
PUT:(song-5, one-117):FALSE
PUT:(song-2, two-117):FALSE
PUT:(song-6, one-118):FALSE
PUT:(song-3, two-118):FALSE
PUT:(song-0, one-119):FALSE
PUT:(song-4, two-119):FALSE
DELETE:(song-1):FALSE
DELETE:(song-0):FALSE
song-5:one-117
PUT:(song-1, one-1):TRUE
PUT:(song-1, two-1):TRUE
PUT:(song-2, one-2):TRUE
PUT:(song-2, two-2):TRUE
PUT:(song-3, one-3):TRUE
PUT:(song-3, two-3):TRUE
PUT:(song-4, one-4):TRUE
PUT:(song-4, two-4):TRUE
PUT:(song-5, one-5):TRUE
PUT:(song-0, two-5):TRUE
PUT:(song-6, one-6):TRUE
PUT:(song-1, two-6):TRUE
PUT:(song-0, one-7):TRUE
PUT:(song-2, two-7):TRUE
PUT:(song-1, one-8):TRUE
PUT:(song-3, two-8):TRUE
PUT:(song-2, one-9):TRUE
PUT:(song-4, two-9):TRUE
DELETE:(song-3):TRUE
PUT:(song-0, two-10):TRUE
PUT:(song-4, one-11):TRUE
PUT:(song-1, two-11):TRUE
PUT:(song-5, one-12):TRUE
PUT:(song-2, two-12):TRUE
PUT:(song-6, one-13):TRUE
PUT:(song-3, two-13):TRUE
PUT:(song-0, one-14):TRUE
PUT:(song-4, two-14):TRUE
PUT:(song-1, one-15):TRUE
DELETE:(song-0):TRUE
PUT:(song-2, one-16):TRUE
PUT:(song-1, two-16):TRUE
PUT:(song-3, one-17):TRUE
PUT:(song-2, two-17):TRUE
PUT:(song-4, one-18):TRUE
PUT:(song-3, two-18):TRUE
PUT:(song-5, one-19):TRUE
PUT:(song-4, two-19):TRUE
DELETE:(song-6):TRUE
PUT:(song-0, two-20):TRUE
PUT:(song-0, one-21):TRUE
PUT:(song-1, two-21):TRUE
PUT:(song-1, one-22):TRUE
PUT:(song-2, two-22):TRUE
PUT:(song-2, one-23):TRUE
PUT:(song-3, two-23):TRUE
PUT:(song-3, one-24):TRUE
PUT:(song-4, two-24):TRUE
PUT:(song-4, one-25):TRUE
PUT:(song-0, two-25):TRUE
PUT:(song-5, one-26):TRUE
PUT:(song-1, two-26):TRUE
PUT:(song-6, one-27):TRUE
PUT:(song-2, two-27):TRUE
PUT:(song-0, one-28):TRUE
PUT:(song-3, two-28):TRUE
PUT:(song-1, one-29):TRUE
PUT:(song-4, two-29):TRUE
DELETE:(song-2):TRUE
DELETE:(song-0):TRUE
PUT:(song-3, one-31):TRUE
PUT:(song-1, two-31):TRUE
PUT:(song-4, one-32):TRUE
PUT:(song-2, two-32):TRUE
PUT:(song-5, one-33):TRUE
PUT:(song-3, two-33):TRUE
PUT:(song-6, one-34):TRUE
PUT:(song-4, two-34):TRUE
PUT:(song-0, one-35):TRUE
PUT:(song-0, two-35):TRUE
PUT:(song-1, one-36):TRUE
PUT:(song-1, two-36):TRUE
PUT:(song-2, one-37):TRUE
PUT:(song-2, two-37):TRUE
PUT:(song-3, one-38):TRUE
PUT:(song-3, two-38):TRUE
PUT:(song-4, one-39):TRUE
PUT:(song-4, two-39):TRUE
DELETE:(song-5):TRUE
PUT:(song-0, two-40):TRUE
PUT:(song-6, one-41):TRUE
PUT:(song-1, two-41):TRUE
PUT:(song-0, one-42):TRUE
PUT:(song-2, two-42):TRUE
PUT:(song-1, one-43):TRUE
PUT:(song-3, two-43):TRUE
PUT:(song-2, one-44):TRUE
PUT:(song-4, two-44):TRUE
PUT:(song-3, one-45):TRUE
DELETE:(song-0):TRUE
PUT:(song-4, one-46):TRUE
PUT:(song-1, two-46):TRUE
PUT:(song-5, one-47):TRUE
PUT:(song-2, two-47):TRUE
PUT:(song-6, one-48):TRUE
PUT:(song-3, two-48):TRUE
PUT:(song-0, one-49):TRUE
PUT:(song-4, two-49):TRUE
DELETE:(song-1):TRUE
PUT:(song-0, two-50):TRUE
PUT:(song-2, one-51):TRUE
PUT:(song-1, two-51):TRUE
PUT:(song-3, one-52):TRUE
PUT:(song-2, two-52):TRUE
PUT:(song-4, one-53):TRUE
PUT:(song-3, two-53):TRUE
PUT:(song-5, one-54):TRUE
PUT:(song-4, two-54):TRUE
PUT:(song-6, one-55):TRUE
PUT:(song-0, two-55):TRUE
PUT:(song-0, one-56):TRUE
PUT:(song-1, two-56):TRUE
PUT:(song-1, one-57):TRUE
PUT:(song-2, two-57):TRUE
PUT:(song-2, one-58):TRUE
PUT:(song-3, two-58):TRUE
PUT:(song-3, one-59):TRUE
PUT:(song-4, two-59):TRUE
DELETE:(song-4):TRUE
DELETE:(song-0):TRUE
PUT:(song-5, one-61):TRUE
PUT:(song-1, two-61):TRUE
PUT:(song-6, one-62):TRUE
PUT:(song-2, two-62):TRUE
PUT:(song-0, one-63):TRUE
PUT:(song-3, two-63):TRUE
PUT:(song-1, one-64):TRUE
PUT:(song-4, two-64):TRUE
PUT:(song-2, one-65):TRUE
PUT:(song-0, two-65):TRUE
PUT:(song-3, one-66):TRUE
PUT:(song-1, two-66):TRUE
PUT:(song-4, one-67):TRUE
PUT:(song-2, two-67):TRUE
PUT:(song-5, one-68):TRUE
PUT:(song-3, two-68):TRUE
PUT:(song-6, one-69):TRUE
PUT:(song-4, two-69):TRUE
DELETE:(song-0):TRUE
PUT:(song-0, two-70):TRUE
PUT:(song-1, one-71):TRUE
PUT:(song-1, two-71):TRUE
PUT:(song-2, one-72):TRUE
PUT:(song-2, two-72):TRUE
PUT:(song-3, one-73):TRUE
PUT:(song-3, two-73):TRUE
PUT:(song-4, one-74):TRUE
PUT:(song-4, two-74):TRUE
PUT:(song-5, one-75):TRUE
DELETE:(song-0):TRUE
PUT:(song-6, one-76):TRUE
PUT:(song-1, two-76):TRUE
PUT:(song-0, one-77):TRUE
PUT:(song-2, two-77):TRUE
PUT:(song-1, one-78):TRUE
PUT:(song-3, two-78):TRUE
PUT:(song-2, one-79):TRUE
PUT:(song-4, two-79):TRUE
DELETE:(song-3):TRUE
PUT:(song-0, two-80):TRUE
PUT:(song-4, one-81):TRUE
PUT:(song-1, two-81):TRUE
PUT:(song-5, one-82):TRUE
PUT:(song-2, two-82):TRUE
PUT:(song-6, one-83):TRUE
PUT:(song-3, two-83):TRUE
PUT:(song-0, one-84):TRUE
PUT:(song-4, two-84):TRUE
PUT:(song-1, one-85):TRUE
PUT:(song-0, two-85):TRUE
PUT:(song-2, one-86):TRUE
PUT:(song-1, two-86):TRUE
PUT:(song-3, one-87):TRUE
PUT:(song-2, two-87):TRUE
PUT:(song-4, one-88):TRUE
PUT:(song-3, two-88):TRUE
PUT:(song-5, one-89):TRUE
PUT:(song-4, two-89):TRUE
DELETE:(song-6):TRUE
DELETE:(song-0):TRUE
PUT:(song-0, one-91):TRUE
PUT:(song-1, two-91):TRUE
PUT:(song-1, one-92):TRUE
PUT:(song-2, two-92):TRUE
PUT:(song-2, one-93):TRUE
PUT:(song-3, two-93):TRUE
PUT:(song-3, one-94):TRUE
PUT:(song-4, two-94):TRUE
PUT:(song-4, one-95):TRUE
PUT:(song-0, two-95):TRUE
PUT:(song-5, one-96):TRUE
PUT:(song-1, two-96):TRUE
PUT:(song-6, one-97):TRUE
PUT:(song-2, two-97):TRUE
PUT:(song-0, one-98):TRUE
PUT:(song-3, two-98):TRUE
PUT:(song-1, one-99):TRUE
PUT:(song-4, two-99):TRUE
DELETE:(song-2):TRUE
PUT:(song-0, two-100):TRUE
PUT:(song-3, one-101):TRUE
PUT:(song-1, two-101):TRUE
PUT:(song-4, one-102):TRUE
PUT:(song-2, two-102):TRUE
PUT:(song-5, one-103):TRUE
PUT:(song-3, two-103):TRUE
PUT:(song-6, one-104):TRUE
PUT:(song-4, two-104):TRUE
PUT:(song-0, one-105):TRUE
DELETE:(song-0):TRUE
PUT:(song-1, one-106):TRUE
PUT:(song-1, two-106):TRUE
PUT:(song-2, one-107):TRUE
PUT:(song-2, two-107):TRUE
PUT:(song-3, one-108):TRUE
PUT:(song-3, two-108):TRUE
PUT:(song-4, one-109):TRUE
PUT:(song-4, two-109):TRUE
DELETE:(song-5):TRUE
PUT:(song-0, two-110):TRUE
PUT:(song-6, one-111):TRUE
PUT:(song-1, two-111):TRUE
PUT:(song-0, one-112):TRUE
PUT:(song-2, two-112):TRUE
PUT:(song-1, one-113):TRUE
PUT:(song-3, two-113):TRUE
PUT:(song-2, one-114):TRUE
PUT:(song-4, two-114):TRUE
PUT:(song-3, one-115):TRUE
PUT:(song-0, two-115):TRUE
PUT:(song-4, one-116):TRUE
PUT:(song-1, two-116):TRUE
PUT:(song-5, one-117):TRUE
PUT:(song-2, two-117):TRUE
PUT:(song-6, one-118):TRUE
PUT:(song-3, two-118):TRUE
PUT:(song-0, one-119):TRUE
PUT:(song-4, two-119):TRUE
DELETE:(song-1):TRUE
DELETE:(song-0):TRUE
