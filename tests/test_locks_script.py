"""Scripts of clients of a lock service: what a line can be, and what is said of one that is none."""

from __future__ import annotations

import pytest

from bayou.families.locks.script import STEPS_MAX, Off, Step, read_script
from bayou.families.locks.table import Table


def read(*lines: bytes | None) -> tuple[list[Step], list[Off]]:
    return read_script(enumerate(lines, start=1))


def test_a_script_is_read() -> None:
    steps, off = read(b"# first", b"lock 3", b"", b"  sleep\t0.25 \r", b"// then", b"unlock 3")
    assert off == []
    assert steps == [Step(2, "lock", 3), Step(4, "sleep", seconds=0.25), Step(6, "unlock", 3)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            b"lok 3",
            "unknown command 'lok': did you mean lock or unlock?; a line is one of lock N, unlock N, ",
        ),
        (b"LOCK 3", "unknown command 'LOCK': did you mean lock or unlock?"),
        (b"frobnicate", "unknown command 'frobnicate'; a line is one of"),
        (b"lock", "a field is missing: the command is lock N"),
        (b"lock 1 2", "too many fields: the command is lock N"),
        (
            b"unlock x",
            "'x' is no integer, and an id has to be one: the command is unlock N, as in 'unlock 3'",
        ),
        (b"lock -1", "locks are numbered from 0, and -1 is below"),
        (b"lock 9223372036854775808", "9223372036854775808 does not fit 63 bits"),
        (b"sleep", "a field is missing: the command is sleep SECONDS"),
        (b"sleep soon", "'soon' is no decimal number: the command is sleep SECONDS, as in 'sleep 0.5'"),
        (b"sleep -1", "-1 is not from 0 to 1e+06"),
        (b"sleep nan", "'nan' is no decimal number"),
        (b"sleep 1000001", "1000001 is not from 0 to 1e+06"),
        (b"lock 3 # mine", "a comment has a line of its own"),
        (None, "the line is too long"),
        (b"\xff\xfe 3", "unknown command"),
    ],
)
def test_a_line_that_is_off_is_told_with_a_remedy(line: bytes | None, why: str) -> None:
    steps, off = read(b"lock 1", line, b"unlock 1")
    assert [step.line for step in steps] == [1, 3]
    assert [each.line for each in off] == [2]
    assert off[0].why.startswith(why)


def test_the_largest_lock_and_the_longest_sleep() -> None:
    steps, off = read(b"lock 9223372036854775807", b"sleep 1000000", b"sleep 0")
    assert not off
    assert [(step.lock, step.seconds) for step in steps] == [((1 << 63) - 1, 0.0), (0, 1e6), (0, 0.0)]


def test_a_script_is_not_endless() -> None:
    assert read(*[b"sleep 0"] * STEPS_MAX)[1] == []
    _, off = read(*[b"sleep 0"] * (STEPS_MAX + 2))
    assert [each.line for each in off] == [STEPS_MAX + 1]
    assert "at most 100,000 steps" in off[0].why


def test_all_clients_below_one_are_expired_at_once() -> None:
    """Their locks go on to those above, by ascending number; commands of theirs that are late do nothing."""
    table = Table()
    for slot, (client, text) in enumerate(
        [(3, "lock 8"), (4, "lock 8"), (10, "lock 8"), (4, "lock 2"), (11, "lock 2"), (3, "lock 5")]
    ):
        table.take(slot, client, text)
    assert table.take(6, 12, "expire below 10") == "nothing"
    assert table.grants == [(11, 2, 6), (10, 8, 6)]
    assert list(table.lines()) == ["2: 11", "5: free", "8: 10"]
    assert table.take(7, 3, "lock 5") == "nothing"
    assert table.take(8, 12, "expire below 4") == "nothing"
    assert table.take(9, 4, "lock 5") == "nothing"
    assert table.take(10, 10, "lock 5") == "held"
