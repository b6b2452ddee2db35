"""What servers of the store make durable, as bytes for a journal, and back.

A batch is one pickle of plain data: writes, and all records, each of which begins with the number of its
kind. The writes of small records stand together, in columns where they are many, so that a journal of many
writes is read in a fraction of the time that reading them one by one takes.
"""

from __future__ import annotations

from bayou.core.items import Items
from bayou.core.past import Bounded, Chunk, Folded, IncomingDropped, Installed, MarksDropped, Truncated
from bayou.core.write import GROUP
from bayou.node.messages import OK
from bayou.node.records import (
    Activated,
    Aiming,
    Answered,
    Asking,
    ConsentGiven,
    CreatedFor,
    Named,
    Promised,
    Voted,
)
from bayou.wire.codec import FEW, SHALLOW, dump, fields_of, load, make
from bayou.wire.columns import WRITES_MAX
from bayou.wire.errors import WireError
from bayou.wire.keeping import Keeping
from bayou.wire.writes import pack_write, pack_writes, unpack_write, unpack_writes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from bayou._record import Record
    from bayou.core.name import Name
    from bayou.core.write import Write

_ITEMS = 1
_ANSWERED = 4
RECORDS: dict[int, type[Record]] = {
    _ITEMS: Items,
    2: Named,
    3: Activated,
    _ANSWERED: Answered,
    5: Promised,
    6: CreatedFor,
    7: Asking,
    8: Aiming,
    9: Folded,
    10: Truncated,
    11: MarksDropped,
    12: Chunk,
    13: IncomingDropped,
    14: Installed,
    15: Bounded,
    16: Voted,
    17: ConsentGiven,
}
"""The numbers are for good: a journal written today is read by versions to come."""

ANSWER_FIELDS = 8
TOGETHER = 64
"""Up to so many writes of a batch, by servers whose names are not deep, stand together."""


class StoreKeeping(Keeping):
    """Packs and unpacks the records of servers."""

    def __init__(self) -> None:
        super().__init__(RECORDS)

    def pack(self, records: Iterable[Any]) -> bytes:
        """Return a batch of records as bytes; KeyError for one of no kind that is kept."""
        records = list(records)
        writes = [write for record in records if type(record) is Items for write in _writes_of(record)]
        is_together = len(writes) <= TOGETHER and all(write.server.depth <= SHALLOW for write in writes)
        plain: list[object] = [_pack_all(writes) if is_together else None]
        for record in records:
            number = self.numbers[type(record)]
            if number == _ITEMS:
                own = None if is_together else _pack_all(_writes_of(record))
                plain.append((number, record.csn, len(record.committed), len(record.tentative), own))
            elif number == _ANSWERED:
                session, asked, stamp, server = fields_of(record)
                plain.append((number, session, asked, OK, None, None, stamp, server))
            else:
                plain.append((number, *fields_of(record)))
        return dump(tuple(plain))

    def unpack(self, batch: bytes) -> list[Any]:
        """Return the records of a batch; WireError where these bytes are none."""
        return [_answered(record) if type(record) is tuple else record for record in self._records(batch)]

    def restore(self, batches: Iterable[bytes]) -> Iterator[Any]:
        """Give out what a machine is restored from that made these batches durable: all their records, but
        items that continue each other as one, and of the answers to each session only the last, behind all
        else: nothing else depends on them. WireError where some bytes are no batch."""
        answers: dict[object, tuple[Any, ...]] = {}
        run = Items(0, [], [])
        group_writes: set[tuple[int, Name]] = set()
        for batch in batches:
            for record in self._records(batch):
                if type(record) is tuple:
                    answers.pop(record[1], None)
                    answers[record[1]] = record
                elif type(record) is not Items or _may_make_primary(record, group_writes):
                    if run:
                        yield run
                    run = Items(0, [], [])
                    yield record  # a new primary marks what it holds then, and nothing that comes later
                elif not _continue(run, record):
                    if run:
                        yield run
                    run = Items(record.csn, [*record.committed], [*record.tentative])
        if run:
            yield run
        yield from map(_answered, answers.values())

    def _records(self, batch: bytes) -> Iterator[Any]:
        """Give out the records of a batch: an answer as plain data, which has not been checked."""
        try:
            writes, *records = load(batch)
            together = [] if writes is None else _unpack_all(writes)
            at = 0
            for plain in records:
                if plain[0] == _ITEMS:
                    _, csn, committed, tentative, own = plain
                    found, start = (together, at) if own is None else (_unpack_all(own), 0)
                    middle, end = start + committed, start + committed + tentative
                    if type(csn) is not int or csn < 0 or not start <= middle <= end <= len(found):
                        raise WireError("items that don't fit their writes")
                    if own is None:
                        at = end
                    yield Items(csn, found[start:middle], found[middle:end])
                elif plain[0] == _ANSWERED:
                    if type(plain) is not tuple or type(plain[1]) is not int:
                        raise WireError("an answer to no session")
                    yield plain
                else:
                    yield make(self.kinds[plain[0]], plain[1:])
        except (TypeError, ValueError, LookupError) as error:
            raise WireError(f"no batch of records ({type(error).__name__}: {error})") from error


def _may_make_primary(items: Items, group_writes: set[tuple[int, Name]]) -> bool:
    """Whether a commitment may make another server the primary. Tentative group writes are added to those
    that are known: of them a notice may be all that tells of it."""
    for write in items.tentative:
        if write.kind == GROUP:
            group_writes.add((write.stamp, write.server))
    for write in items.committed:
        if write.heir is not None or write.kind == GROUP:
            return True
        if group_writes and (write.stamp, write.server) in group_writes:
            return True
    return False


def _continue(run: Items, more: Items) -> bool:
    """Add items to those before them, where taking both in one go is the same; return whether it is."""
    reached = run.csn + len(run.committed)
    if not run or more.csn > reached or (more.committed and (run.tentative or more.csn < reached)):
        return False
    run.committed.extend(more.committed)
    run.tentative.extend(more.tentative)
    return True


def _answered(plain: tuple[Any, ...]) -> Answered:
    """Return the fact in what journals have of it: an answer as it once was on the wire, two of whose fields
    (what was read, and the vector of that) say nothing of a write."""
    if len(plain) != ANSWER_FIELDS:
        raise WireError("an answer that is none")
    _, session, number, _, _, _, stamp, server = plain
    return make(Answered, (session, number, stamp, server))


def _writes_of(items: Items) -> list[Write]:
    return [*items.committed, *items.tentative]


def _pack_all(writes: list[Write]) -> tuple[object, ...]:
    """Return any number of writes as plain data: few one by one, many in columns, behind a True."""
    if len(writes) <= FEW:
        return False, *map(pack_write, writes)
    parts = range(0, len(writes), WRITES_MAX)
    return True, *[pack_writes(writes[at : at + WRITES_MAX]) for at in parts]


def _unpack_all(plain: Any) -> list[Write]:
    is_columns, *parts = plain
    if is_columns:
        return [write for columns in parts for write in unpack_writes(columns)]
    return [unpack_write(*part) for part in parts]
