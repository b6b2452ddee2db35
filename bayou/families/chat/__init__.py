"""The family chat: messages of clients in one order, on a log that survives crashes of its servers."""
