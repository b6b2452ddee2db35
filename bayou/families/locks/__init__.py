"""The family locks: locks with queues, on a log that survives crashes of its servers."""
