"""What SQLite's write-ahead log has, seen from outside.

SQLite takes the log to end where a frame is not as it was written, which is right after a crash and wrong
where more frames follow that were acknowledged. The format is at https://www.sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

from bayou._lean import unpack

HEADER_BYTES = 32
FRAME_BYTES = 24
MAGIC = 0x377F0682
ALL = 0xFFFFFFFF


def broken_at(log: bytes) -> int | None:
    """Return where a log is damaged, None where it is whole, or torn in its last transaction."""
    if len(log) <= HEADER_BYTES:
        return None  # no frame was written: the header is durable before any
    order = "<" if unpack(">I", log[:4])[0] == MAGIC else ">"
    page_bytes = unpack(">I", log[8:12])[0]
    sums = _sums(order, log[:24], (0, 0))
    if (
        sums != unpack(">II", log[24:HEADER_BYTES])
        or unpack(">I", log[:4])[0] & ~1 != MAGIC
        or not page_bytes
    ):
        return 0
    salts = log[16:24]
    at = HEADER_BYTES
    broken = None
    is_past_commit = False
    while at + FRAME_BYTES <= len(log):
        frame = log[at : at + FRAME_BYTES]
        if broken is None:
            page = log[at + FRAME_BYTES : at + FRAME_BYTES + page_bytes]
            if frame[8:16] == salts and len(page) == page_bytes:
                sums = _sums(order, frame[:8] + page, sums)
            if frame[8:16] != salts or len(page) < page_bytes or sums != unpack(">II", frame[16:]):
                broken = at
        is_of_this_log = frame[8:12] == salts[:4] or frame[12:16] == salts[4:]
        if broken is not None and is_of_this_log:
            if is_past_commit:
                return broken
            is_past_commit = unpack(">I", frame[4:8])[0] != 0
        at += FRAME_BYTES + page_bytes
    return None


def _sums(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """Return the checksums of SQLite, continued from those of what is before."""
    first, second = sums
    words = unpack(f"{order}{len(data) // 4}I", data)
    for at in range(0, len(words), 2):
        first = (first + words[at] + second) & ALL
        second = (second + words[at + 1] + first) & ALL
    return first, second
