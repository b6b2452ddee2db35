"""What servers of a log make durable, as bytes for a journal, and back.

A batch of a busy server has the votes of many slots, all in one ballot, and tells of many slots that they are
decided as accepted. Such runs stand in columns: a journal takes less time to write and to read, and less
room.
"""

from __future__ import annotations

from bayou.paxos.log.records import AcceptedRecord, Decided, Promised, Snapshot
from bayou.wire.codec import dump, fields_of, load, make
from bayou.wire.columns import pack_ids, unpack_ids
from bayou.wire.decrees import pack_ballot, pack_values, unpack_ballot, unpack_values
from bayou.wire.errors import WireError
from bayou.wire.keeping import Keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from bayou._record import Record
    from bayou.paxos.ballot import Ballot

RECORDS: dict[int, type[Record]] = {1: Promised, 2: AcceptedRecord, 3: Decided, 4: Snapshot}
"""The numbers are for good: a journal written today is read by versions to come."""

_ACCEPTED = 5
_DECIDED = 6
"""A run of AcceptedRecords in one ballot, and one of Decided without values."""

RUN_MAX = 1024


class LogKeeping(Keeping):
    """Packs and unpacks the records of servers of a log."""

    def __init__(self) -> None:
        super().__init__(RECORDS)

    def pack(self, records: Iterable[Any]) -> bytes:
        """Return a batch of records as bytes; KeyError for one of no kind that is kept."""
        plain: list[object] = []
        run: list[Any] = []
        kind: tuple[int, Ballot | None] | None = None
        for record in records:
            found = _kind_of(record)
            if found != kind or found is None or len(run) == RUN_MAX:
                self._end(run, kind, plain)
                kind, run = found, []
            run.append(record)
        self._end(run, kind, plain)
        return dump(tuple(plain))

    def _end(self, run: list[Any], kind: tuple[int, Ballot | None] | None, plain: list[object]) -> None:
        if kind is None or len(run) == 1:
            plain += [(self.numbers[type(record)], *fields_of(record)) for record in run]
        elif kind[1] is None:
            plain.append((_DECIDED, pack_ids(tuple([record.slot for record in run]))))
        else:
            slots = pack_ids(tuple([record.slot for record in run]))
            values = pack_values([record.value for record in run])
            plain.append((_ACCEPTED, pack_ballot(kind[1]), slots, values))

    def unpack(self, batch: bytes) -> list[Any]:
        """Return the records of a batch; WireError where these bytes are none."""
        try:
            return [record for plain in load(batch) for record in self._records_in(plain)]
        except (TypeError, ValueError, LookupError) as error:
            raise WireError(f"no batch of records ({type(error).__name__}: {error})") from error

    def _records_in(self, plain: Any) -> Iterator[Record]:
        number, *fields = plain
        if number == _DECIDED:
            (slots,) = fields
            for slot in unpack_ids(slots):
                yield Decided(slot, None)
        elif number == _ACCEPTED:
            packed, slots, values = fields
            ballot = unpack_ballot(packed)
            for slot, value in zip(unpack_ids(slots), unpack_values(values), strict=True):
                yield AcceptedRecord(slot, ballot, value)
        else:
            yield make(self.kinds[number], tuple(fields))


def _kind_of(record: Any) -> tuple[int, Ballot | None] | None:
    """Return in which runs a record can stand, None for in none."""
    if type(record) is AcceptedRecord:
        return _ACCEPTED, record.ballot
    if type(record) is Decided and record.value is None:
        return _DECIDED, None
    return None
