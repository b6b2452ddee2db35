rooms/Oak/12-07/10:{"hours":["10","11"],"who":"Bob"}:FALSE
rooms/Oak/12-07/10:{"hours":["10","11"],"who":"Ann"}:FALSE
ann:merged 1:FALSE
bob:applied:FALSE
rooms/Oak/12-07/10:{"hours":["10","11"],"who":"Bob"}:FALSE
rooms/Oak/12-07/11:{"hours":["10","11"],"who":"Ann"}:FALSE
rooms/Oak/12-07/11:{"hours":["10","11"],"who":"Ann"}:FALSE
ann:conflict:TRUE
bob:merged 1:TRUE
rooms/Oak/12-07/10:{"hours":["10"],"who":"Dan"}:TRUE
rooms/Oak/12-07/11:{"hours":["10","11"],"who":"Bob"}:TRUE
CONFLICT:(ann):TRUE
!conflicts/00000000000000000003:00000000000000000002:{"do":[["set","rooms","Oak/12-07/10",{"hours":["10","11"],"who":"Ann"}]],"else":[{"do":[["set","rooms","Oak/12-07/11",{"hours":["10","11"],"who":"Ann"}]],"if":[["absent","rooms","Oak/12-07/11"]]}],"if":[["absent","rooms","Oak/12-07/10"]],"name":"ann"}:TRUE
rooms/Elm/12-07/10:{"hours":["10"],"who":"Ann"}:TRUE
