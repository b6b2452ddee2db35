"""What machines make durable, as bytes for a journal, and back."""

from __future__ import annotations

from bayou.wire.codec import dump, fields_of, load, make
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from bayou._record import Record


class Keeping:
    """Packs the records of one family of machines, and unpacks them.

    A batch is one pickle of plain data: all records, each of which begins with the number of its kind. A
    family that keeps much derives its own, which knows what its records have in common.
    """

    def __init__(self, kinds: Mapping[int, type[Record]]) -> None:
        """``kinds`` by their numbers, which are for good: a journal written today is read by versions to
        come."""
        self.kinds = kinds
        self.numbers: dict[type, int] = {kind: number for number, kind in kinds.items()}

    def pack(self, records: Iterable[Any]) -> bytes:
        """Return a batch of records as bytes; KeyError for one of no kind that is kept."""
        return dump(tuple([(self.numbers[type(record)], *fields_of(record)) for record in records]))

    def unpack(self, batch: bytes) -> list[Any]:
        """Return the records of a batch; WireError where these bytes are none."""
        try:
            return [make(self.kinds[plain[0]], plain[1:]) for plain in load(batch)]
        except (TypeError, ValueError, LookupError) as error:
            raise WireError(f"no batch of records ({type(error).__name__}: {error})") from error

    def restore(self, batches: Iterable[bytes]) -> Iterator[Any]:
        """Give out what a machine is restored from that made these batches durable: all their records, or
        fewer that come to the same. WireError where some bytes are no batch."""
        for batch in batches:
            yield from self.unpack(batch)
