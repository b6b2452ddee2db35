meeting:monday
meeting:monday
