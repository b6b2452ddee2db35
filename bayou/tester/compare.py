"""Is what was printed what should have been printed?"""

from __future__ import annotations

import re
from difflib import unified_diff
from itertools import zip_longest

DIFF_LINES_MAX = 60
_BLANKS = b" \t\r\f\v"
_SEPARATOR = b", "
_VARIABLE = re.compile(rb"\{([A-Za-z_][A-Za-z_0-9]*)\}")


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of a file as they are compared: blanks at line ends and a missing last newline
    make no difference."""
    lines = [line.rstrip(_BLANKS) for line in data.split(b"\n")]
    if not lines[-1]:
        lines.pop()
    return [] if lines == [b""] else lines


def diff(expected: bytes, printed: bytes, names: tuple[str, str], limit: int = DIFF_LINES_MAX) -> list[str]:
    """Return the differences as lines to be read, at most ``limit`` of them; none where there are none."""
    return _describe(lines_of(expected), lines_of(printed), names, limit)


def snapshot(
    expected: bytes, printed: bytes, names: tuple[str, str], limit: int = DIFF_LINES_MAX
) -> list[str]:
    """Like ``diff``, for a solution with patterns: line by line, fields separated by comma and blank, where
    ``*`` stands for any field, and ``{name}`` for any field that is the same wherever the name stands.

    >>> snapshot(b"a, {x}, *\\n{x}", b"a, 1, 2\\n1", ("solution", "answer"))
    []
    >>> snapshot(b"a, {x}, *\\n{x}", b"a, 1, 2\\n3", ("solution", "answer"))[-2:]
    ['-{x}    ({x} is 1)', '+3']
    """
    bound: dict[bytes, bytes] = {}
    wanted, got = [], []
    for pattern, line in zip_longest(lines_of(expected), lines_of(printed)):
        if pattern is not None and line is not None and _matches(pattern, line, bound):
            wanted.append(line)
            got.append(line)
            continue
        if pattern is not None:
            wanted.append(pattern + _explain(pattern, bound))
        if line is not None:
            got.append(line)
    return _describe(wanted, got, names, limit)


def _matches(pattern: bytes, line: bytes, bound: dict[bytes, bytes]) -> bool:
    """Whether a line fits; what its variables stand for is kept if it does."""
    wanted, got = pattern.split(_SEPARATOR), line.split(_SEPARATOR)
    if len(wanted) != len(got):
        return False
    found = dict(bound)
    for want, field in zip(wanted, got, strict=True):
        variable = _VARIABLE.fullmatch(want)
        if variable is not None:
            if found.setdefault(variable[1], field) != field:
                return False
        elif want not in (b"*", field):
            return False
    bound.update(found)
    return True


def _explain(pattern: bytes, bound: dict[bytes, bytes]) -> bytes:
    names = dict.fromkeys(name for name in _VARIABLE.findall(pattern) if name in bound)
    said = b", ".join(b"{%b} is %b" % (name, bound[name]) for name in names)
    return b"    (%b)" % said if said else b""


def _describe(before: list[bytes], after: list[bytes], names: tuple[str, str], limit: int) -> list[str]:
    if before == after:
        return []
    shown = list(unified_diff(_readable(before), _readable(after), *names, lineterm=""))
    if len(shown) > limit:
        shown[limit:] = [f"... and {len(shown) - limit} more lines"]
    return shown


def _readable(lines: list[bytes]) -> list[str]:
    return [line.decode("utf-8", "backslashreplace") for line in lines]
