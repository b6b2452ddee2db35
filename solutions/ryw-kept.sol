password:new
