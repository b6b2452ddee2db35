"""Known bugs of truncation and of bases, which can be planted in a process: see bayou.families.store.bugs."""

from __future__ import annotations

from typing import cast

from bayou.core import replica as replica_module
from bayou.core.log import WriteLog
from bayou.core.past import Base, Chunk, Installed, MemoryPast, row_size
from bayou.core.replica import Replica
from bayou.core.vector import RETIRED, START, LiveVector, VersionVector
from bayou.node import exchange as exchange_module
from bayou.node.carrying import Carrying
from bayou.node.exchange import Exchanges
from bayou.node.messages import GAP, ROWS, WRITES, CanImport, Importable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bayou.core.past import BasePosition, BaseRow, Place
    from bayou.core.write import Write
    from bayou.families.planting import Patch, Plant


def _tells(change: Callable[[Replica, Base], Base]) -> Plant:
    """A sender tells something else of its base."""

    def plant(patch: Patch) -> None:
        def base_chunk(self: Replica, *rest: Any) -> tuple[Chunk, Base | None]:
            chunk, base = original(self, *rest)
            return chunk, None if base is None else change(self, base)

        original = Replica.base_chunk
        patch.setattr(Replica, "base_chunk", base_chunk)

    return plant


def _stands(stand_on: Callable[[Replica, Base], None]) -> Plant:
    """A receiver makes something else of what belongs to a base."""

    def plant(patch: Patch) -> None:
        def changed(self: Replica, base: Base) -> None:
            stand_on(self, base)
            self.retired = self.retired or self.name not in self._vector.entries

        patch.setattr(Replica, "_stand_on", changed)

    return plant


def _base_vector_alone(replica: Replica, base: Base) -> None:
    replica._vector = LiveVector.of(base.vector)
    replica.group, replica.epoch = base.group, base.epoch
    replica.clock.saw(base.clock)


def _larger_entries(replica: Replica, base: Base) -> None:
    entries = dict(replica._vector.entries)
    for name in base.vector.names:
        entries[name] = max(entries.get(name, 0), base.vector.completed(name))
    replica._vector = LiveVector.of(VersionVector(entries))
    replica.group, replica.epoch = base.group, base.epoch
    replica.clock.saw(base.clock)


def _no_primary(replica: Replica, base: Base) -> None:
    replica._vector = LiveVector.of(replica.vector.merged(base.vector))
    replica.clock.saw(base.clock)


def _no_clock(replica: Replica, base: Base) -> None:
    replica._vector = LiveVector.of(replica.vector.merged(base.vector))
    replica.group, replica.epoch = base.group, base.epoch


def all_tentative_dropped(patch: Patch) -> None:
    """No write stays tentative beside a base."""

    def begin_anew(self: WriteLog, csn: int, covered: VersionVector) -> list[Write]:
        return original(self, csn, VersionVector(dict.fromkeys(self._queues, RETIRED)))

    original = WriteLog.begin_anew
    patch.setattr(WriteLog, "begin_anew", begin_anew)


def covered_kept(patch: Patch) -> None:
    """Writes that are in a base stay tentative."""

    def begin_anew(self: WriteLog, csn: int, covered: VersionVector) -> list[Write]:
        return original(self, csn, START)

    original = WriteLog.begin_anew
    patch.setattr(WriteLog, "begin_anew", begin_anew)


def goes_on_with_an_older_base(patch: Patch) -> None:
    """A sender goes on with a transfer that was of a newer base than its own, and the receiver takes that."""

    def can_continue(self: Replica, position: BasePosition) -> bool:
        return original(self, _with(position, seen=0))

    def receive_base(self: Replica, chunk: Chunk) -> bool:
        incoming = self.past.incoming
        if incoming is not None and chunk.base < incoming.position.seen:
            position = _with(incoming.position, seen=chunk.base)
            cast("MemoryPast", self.past).incoming = _with(incoming, position=position)
        return original_receive(self, chunk)

    original, original_receive = Replica._can_continue, Replica.receive_base
    patch.setattr(Replica, "_can_continue", can_continue)
    patch.setattr(Replica, "receive_base", receive_base)


def goes_on_without_marks(patch: Patch) -> None:
    """A sender goes on with a transfer though marks are gone that it would have to tell."""

    def can_continue(self: Replica, position: BasePosition) -> bool:
        return self.past.base.csn >= position.seen

    patch.setattr(Replica, "_can_continue", can_continue)


def goes_on_by_place_alone(patch: Patch) -> None:
    """A sender begins a transfer from nothing afresh wherever it stands below a mark that is gone."""

    def can_continue(self: Replica, position: BasePosition) -> bool:
        return original(self, _with(position, floor=0))

    original = Replica._can_continue
    patch.setattr(Replica, "_can_continue", can_continue)


def takes_rows_from_everybody(patch: Patch) -> None:
    """Rows are taken in from several servers at once, whose bases are of different CSNs."""
    patch.setattr(Exchanges, "_has_other_source", lambda self, peer: False)


def chunks_in_order_of_keys(patch: Patch) -> None:
    """Rows are sent in the order of their keys: what has changed behind the position does not come again."""

    def rows_after(self: MemoryPast, place: Place, rows_max: int, characters_max: int) -> list[BaseRow]:
        csn, collection, key = place
        is_first = key == ""
        found: list[BaseRow] = []
        for row in sorted(self._rows):
            if row > (collection, key) if not is_first else self._rows[row][3] > csn:
                characters_max -= row_size(self._rows[row])
                if found and (len(found) == rows_max or characters_max < 0):
                    break
                found.append(self._rows[row])
        return found

    patch.setattr(MemoryPast, "rows_after", rows_after)
    patch.setattr(replica_module, "check_chunk", lambda chunk: None)
    patch.setattr(exchange_module, "check_position", lambda position: None)


def installs_what_is_not_newer(patch: Patch) -> None:
    """A base is installed though the log has come further."""

    def install(self: Replica, base: Base) -> bool:
        if self.past.incoming is None or base.csn > self.csn:
            return original(self, base)
        self.past.install(base, self.past.incoming.marks_from)
        gone = self.log.begin_anew(base.csn, base.vector)
        self.database.begin_anew(gone, self.log.tentative)
        self.database.settle()
        self._journal.append(Installed(base, len(self.log.tentative)))
        self._stand_on(base)
        return True

    original = Replica.install
    patch.setattr(Replica, "install", install)


def vector_without_the_rows(patch: Patch) -> None:
    """The rows that came in are lost when a base is installed."""

    def install(self: MemoryPast, base: Base, marks_from: int) -> None:
        self._incoming_rows = dict(self._rows)
        original(self, base, marks_from)

    original = MemoryPast.install
    patch.setattr(MemoryPast, "install", install)


def import_without_the_cover_rule(patch: Patch) -> None:
    """A file of writes is taken in wherever no CSN is missing."""

    def can_import(self: Carrying, order: CanImport) -> Importable:
        replica = self._server.replica
        verdict = ROWS if order.base > replica.csn else GAP if order.csn > replica.csn else WRITES
        return Importable(verdict, replica.csn, replica.vector)

    patch.setattr(Carrying, "_can_import", can_import)


def _with(record: Any, **changed: Any) -> Any:
    """Return the same record with other values in some fields."""
    values = {name: getattr(record, name) for name in record.field_names}
    return type(record)(**{**values, **changed})


OF_BASES: dict[str, Plant] = {
    "a base with its sender's vector": _tells(lambda sender, base: _with(base, vector=sender.vector)),
    "a base's vector alone": _stands(_base_vector_alone),
    "a base's entries where they are larger": _stands(_larger_entries),
    "a base takes all tentative writes away": all_tentative_dropped,
    "a base leaves what it has tentative": covered_kept,
    "a base without its primary": _stands(_no_primary),
    "a base with its sender's primary": _tells(
        lambda sender, base: _with(base, group=sender.group, epoch=sender.epoch)
    ),
    "a clock from the log alone": _stands(_no_clock),
    "a base goes on though marks are gone": goes_on_without_marks,
    "a base in the order of keys": chunks_in_order_of_keys,
    "a base that is not newer": installs_what_is_not_newer,
    "a base without its rows": vector_without_the_rows,
    "a file taken in without the cover rule": import_without_the_cover_rule,
}
"""Bugs that campaigns find."""

DIRECTED: dict[str, Plant] = {
    "a base goes on with an older one": goes_on_with_an_older_base,
    "a base begun afresh below marks that are gone": goes_on_by_place_alone,
    "a base from several servers at once": takes_rows_from_everybody,
}
"""Bugs that directed tests catch: what the first does passes soon, the other two take long to be cut down, as
servers that have them do not come to rest."""
