"""The file of a durable replica: its log, its rows and what else a server knows, in one database of
SQLite."""
