"""The exit statuses of all commands, in one place. What each of them means for which command stands in
docs/options.md."""

from __future__ import annotations

EXIT_FAILED = 1
"""The system under test failed, a test did, a promise was broken, or something is not the same."""

EXIT_WRONG = 2
"""A wrong option, a line that is off under --strict, or a file that can't be read."""

EXIT_DEADLINE = 3
EXIT_UNEXPECTED = 4
EXIT_INVALID = 5
EXIT_UNKNOWN = 6
EXIT_DAMAGED = 65
"""What a server keeps is damaged, older than what it told others, or not its own: EX_DATAERR of sysexits."""

EXIT_FAULT = 70
"""A function that a general write calls could not be carried out: EX_SOFTWARE."""

EXIT_IO = 74
"""A disk failed, or is full: EX_IOERR."""

EXIT_IN_USE = 75
"""Another process has the file open: EX_TEMPFAIL."""

EXIT_LACKING = 78
"""A server lacks a function that its log needs: EX_CONFIG."""

EXIT_INTERRUPTED = 130
EXIT_OUTPUT_CLOSED = 141
"""What a shell reports of a program that was ended by SIGPIPE."""

BY_SIGNAL = 128
"""What is added to the number of a signal that ends a command, as shells do."""
