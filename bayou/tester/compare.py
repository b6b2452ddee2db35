"""Is what was printed what should have been printed?"""

from __future__ import annotations

from difflib import unified_diff

DIFF_LINES_MAX = 60
_BLANKS = b" \t\r\f\v"


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of a file as they are compared: blanks at line ends and a missing last newline
    make no difference."""
    lines = [line.rstrip(_BLANKS) for line in data.split(b"\n")]
    if not lines[-1]:
        lines.pop()
    return [] if lines == [b""] else lines


def diff(expected: bytes, printed: bytes, names: tuple[str, str], limit: int = DIFF_LINES_MAX) -> list[str]:
    """Return the differences as lines to be read, at most ``limit`` of them; none where there are none."""
    before, after = lines_of(expected), lines_of(printed)
    if before == after:
        return []
    shown = list(unified_diff(_readable(before), _readable(after), *names, lineterm=""))
    if len(shown) > limit:
        shown[limit:] = [f"... and {len(shown) - limit} more lines"]
    return shown


def _readable(lines: list[bytes]) -> list[str]:
    return [line.decode("utf-8", "backslashreplace") for line in lines]
