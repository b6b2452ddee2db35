"""What a node says on standard error: few lines, counted where left out, and never waiting for a reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bayou.net.complaints import BURST, LINE_BYTES_MAX, PERIOD_S, Complaints


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def standard_error() -> Iterator[int]:
    """Let standard error lead to a pipe, whose other end this is. (A fixture comes before pytest's own.)"""
    kept = os.dup(2)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)
    os.set_blocking(reader, False)
    try:
        yield reader
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(reader)


def lines(reader: int) -> list[str]:
    data = b""
    try:
        while piece := os.read(reader, 1 << 16):
            data += piece
    except BlockingIOError:
        pass
    return data.decode().splitlines()


def test_many_of_a_sort_are_cut_short_and_counted() -> None:
    """A crowd of strangers costs a few lines, and does not hide what is said of a friend."""
    with standard_error() as reader:
        clock = Clock()
        complaints = Complaints(clock)
        complaints.introduce("server 5")
        for number in range(1000):
            complaints.complain("strangers", f"stranger {number}")
        complaints.complain("nodes", "node 7")
        said = lines(reader)
        assert said == [*(f"server 5: stranger {number}" for number in range(BURST)), "server 5: node 7"]
        assert complaints.due == clock.now + PERIOD_S
        complaints.pass_time()
        assert lines(reader) == []
        clock.now += PERIOD_S
        complaints.pass_time()
        assert lines(reader) == [f"server 5: {1000 - BURST} more complaints about strangers were left out"]
        assert not complaints.due
        clock.now += 3 * PERIOD_S
        for number in range(1000):
            complaints.complain("strangers", f"stranger {number}")
        assert 1 <= len(lines(reader)) <= 4


def test_a_full_pipe_is_not_waited_for() -> None:
    """Where nobody reads, lines are dropped and counted, and told once somebody does."""
    with standard_error() as reader:
        clock = Clock()
        complaints = Complaints(clock)
        os.set_blocking(2, False)
        try:
            while True:
                os.write(2, bytes(4096))
        except BlockingIOError:
            os.set_blocking(2, True)
        complaints.complain("strangers", "nobody hears this")
        clock.now += PERIOD_S
        complaints.pass_time()
        assert os.get_blocking(2), "others write to it too, and expect that it waits"
        lines(reader)
        clock.now += PERIOD_S
        complaints.pass_time()
        assert lines(reader) == ["1 more complaints about strangers were left out"]


def test_a_line_fits_into_one_piece_whatever_it_holds() -> None:
    with standard_error() as reader:
        complaints = Complaints(Clock())
        assert complaints.say("\n\x1b[31m" + "\U0001f600" * 5000)
        (line,) = lines(reader)
        assert len(line.encode()) < LINE_BYTES_MAX


def test_a_closed_standard_error_does_no_harm() -> None:
    kept = os.dup(2)
    os.close(2)
    try:
        complaints = Complaints(Clock())
        complaints.complain("strangers", "nobody hears this")
        assert not complaints.say("nor this")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
