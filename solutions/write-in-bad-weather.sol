r/10:b:TRUE
r/9:a:TRUE
n/count:7:TRUE
n/who:["eleven","twelve"]:TRUE
c:conflict:TRUE
