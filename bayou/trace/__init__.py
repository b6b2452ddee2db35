"""What happened in a run, as JSON lines from which it can be judged and replayed."""
