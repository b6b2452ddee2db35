"""Where what machines make durable is kept, and comes back from after a crash."""
