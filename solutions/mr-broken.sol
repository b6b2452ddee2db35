meeting:monday
meeting:ERR_DEP
meeting:ERR_KEY
meeting:monday
