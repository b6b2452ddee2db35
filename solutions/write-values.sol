v/a:7:TRUE
v/b:-7:TRUE
v/c:07:TRUE
v/d:true:TRUE
v/e:"true":TRUE
v/f:"5":TRUE
v/g:5.0:TRUE
v/h:["b",{"a":null,"z":1}]:TRUE
v/i:{"a":[],"b":"a b"}:TRUE
v/j:"a b":TRUE
v/k:"":TRUE
v/l:-0:TRUE
v/m:text:TRUE
v/n:"{":TRUE
v/o:a:b:TRUE
v/p:"\u0001":TRUE
v/q:é:TRUE
v/r:a"b:TRUE
v/s:and:TRUE
v/t:[1.5,100.0,0.0,0]:TRUE
v/u:null:TRUE
v/v:"99999999999999999999":TRUE
v/w:"-5":TRUE
v/x:False:TRUE
v/y:"\t/":TRUE
v/z:"[]":TRUE
