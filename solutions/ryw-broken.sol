password:ERR_DEP
password:new
