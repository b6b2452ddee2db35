"""What machines make durable, as bytes for a journal, and back.

A batch is one record after another, each the number of its kind, a byte, before a frame with its fields. The
numbers are for good: a journal written today is read by versions to come.
"""

from __future__ import annotations

from bayou.core.items import Items
from bayou.node.records import Activated, Aiming, Answered, Asking, CreatedFor, Fact, Named, Promised
from bayou.wire.codec import decode_fields, encode_fields
from bayou.wire.errors import WireError
from bayou.wire.frames import FRAME_BYTES_MAX, PREFIX_BYTES, frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

KINDS: dict[int, type[Items | Fact]] = {
    1: Items,
    2: Named,
    3: Activated,
    4: Answered,
    5: Promised,
    6: CreatedFor,
    7: Asking,
    8: Aiming,
}
_NUMBERS: dict[type, bytes] = {kind: bytes((number,)) for number, kind in KINDS.items()}


def pack(records: Iterable[Any]) -> bytes:
    """Return a batch of records as bytes; KeyError for one of no kind that is kept."""
    return b"".join([_NUMBERS[type(record)] + frame(encode_fields(record)) for record in records])


def unpack(batch: bytes) -> list[Items | Fact]:
    """Return the records of a batch; WireError where these bytes are none."""
    records: list[Items | Fact] = []
    at = 0
    while at < len(batch):
        start = at + 1 + PREFIX_BYTES
        end = start + int.from_bytes(batch[at + 1 : start], "big")
        kind = KINDS.get(batch[at])
        if kind is None or not start <= end <= min(len(batch), start + FRAME_BYTES_MAX):
            raise WireError(f"no record at byte {at} of a batch of {len(batch)} bytes")
        records.append(decode_fields(kind, batch[start:end]))
        at = end
    return records
