"""How servers that last end, beside the statuses of all commands."""

from __future__ import annotations

EXIT_DAMAGED = 65
"""What a server is kept in is damaged, or older than what it has told others."""

EXIT_IO = 74
"""Something could not be made durable."""

EXIT_IN_USE = 75
"""Another process has the file."""
