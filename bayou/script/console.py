"""Lines in, text out: the master's standard streams, byte for byte."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_BYTES_MAX = 64 << 20
READ_BYTES = 64 << 10
COMPLAINT_CHARACTERS_MAX = 100_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class OutputClosed(Exception):
    """Nobody reads standard output any more."""


def read_lines(fd: int) -> Iterator[tuple[int, bytes | None]]:
    """Give out (line number, line) as the lines of a descriptor arrive, without their ends.

    A line longer than LINE_BYTES_MAX comes as None, and what it held is skipped.
    """
    pending = bytearray()
    number, overlong = 1, False
    while chunk := _read(fd):
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            pending += chunk[start:end]
            yield number, None if overlong else _without_mark(number, pending)
            pending.clear()
            number, overlong, start = number + 1, False, end + 1
        pending += chunk[start:]
        if len(pending) > LINE_BYTES_MAX:
            pending.clear()
            overlong = True
    if pending or overlong:
        yield number, None if overlong else _without_mark(number, pending)


def _read(fd: int) -> bytes:
    while True:
        try:
            return os.read(fd, READ_BYTES)
        except BlockingIOError:
            select.select([fd], [], [])


def _without_mark(number: int, line: bytearray) -> bytes:
    return bytes(line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line)


def to_text(data: bytes) -> str:
    """Return bytes as text; those that are no UTF-8 come back unchanged from ``to_bytes``."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Return text as the bytes that it came from."""
    return text.encode("utf-8", "surrogateescape")


def write_all(fd: int, data: bytes) -> None:
    """Write everything, whatever the descriptor's mode; OutputClosed where nobody reads it, and OSError
    where it can't be written for another reason, such as a full disk."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])
        except (BrokenPipeError, ConnectionResetError) as error:
            raise OutputClosed from error


def complain(line: str) -> None:
    """Say something on standard error, on one line whatever it holds; nobody has to listen."""
    from bayou._quoting import printable

    try:
        write_all(2, f"{printable(line, COMPLAINT_CHARACTERS_MAX)}\n".encode("utf-8", "replace"))
    except (OutputClosed, OSError):
        pass
