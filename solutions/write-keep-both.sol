docs/plan:there:FALSE
docs/plan:here:TRUE
docs/plan:here:TRUE
docs/plan-2:there:TRUE
theirs:applied:TRUE
