early:ERR_KEY
n/x:4:FALSE
n/odd:true:TRUE
late:merged 1:TRUE
