a,b:http://x/?q=1,2
(c):(d)
e:f:g:h:i
"quoted:'url'
音乐:→ü🎵
ERR_KEY:ERR_DEP
a b:no split
err_key:ERR_KEY
PUT:(a,b, http://x/?q=1,2):TRUE
PUT:((c), (d)):TRUE
PUT:(e:f, g:h:i):TRUE
PUT:("quoted, 'url'):TRUE
PUT:(音乐, →ü🎵):TRUE
PUT:(ERR_KEY, ERR_DEP):TRUE
PUT:(a b, no split):TRUE
