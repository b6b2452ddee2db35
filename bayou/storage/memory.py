"""What a machine made durable, in memory: for worlds without files, and as the twin of what has them."""

from __future__ import annotations

from bayou.storage.store import StoreBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayou.machine.records import Durable


class Memory:
    """Records in the order in which they became durable; of those with the same key only the last one, and
    none from before one that begins anew."""

    __slots__ = ("_count", "_records")

    def __init__(self, records: Iterable[Durable] = ()) -> None:
        self._count = 0
        self._records: dict[object, Durable] = {}
        self.append(records)

    def append(self, records: Iterable[Durable]) -> None:
        """Keep more records, all or none of which survive a crash."""
        for record in records:
            if getattr(record, "begins_anew", False):
                self._records.clear()
            key = record.key
            if key is None:
                self._count += 1
                self._records[self._count] = record
            else:
                self._records.pop(key, None)
                self._records[key] = record

    def __iter__(self) -> Iterator[Durable]:
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)


class MemoryStore(StoreBase):
    """Batches in memory: a store for worlds without files, and the twin of those with.

    ``crashed`` gives what a crash leaves. With ``remembers``, ``moments`` has what was durable at each
    moment: first what it began with, then all batches after each call that changed them.
    """

    def __init__(
        self, batches: Iterable[bytes] = (), *, place: str = "memory", remembers: bool = False
    ) -> None:
        super().__init__(place)
        self._batches = list(batches)
        self._error: OSError | None = None
        self._is_kept = False
        self.moments: list[tuple[bytes, ...]] | None = [tuple(self._batches)] if remembers else None

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self._batches))

    def fail(self, error: OSError, *, is_kept: bool = False) -> None:
        """Let the next write fail like this, as for a full disk. ``is_kept``: it is durable all the same, as
        may be with a sync that fails."""
        self._error = error
        self._is_kept = is_kept

    def crashed(self) -> MemoryStore:
        """Return a store as a crash at this moment leaves it, to be read anew. It takes over ``moments``."""
        after = MemoryStore(self._batches, place=self.place)
        after.moments = self.moments
        return after

    def _read(self) -> list[bytes]:
        return self._batches.copy()

    def _append(self, batch: bytes) -> None:
        self._change(len(self._batches), batch)

    def _replace(self, batch: bytes) -> None:
        self._change(0, batch)

    def _release(self) -> None:
        pass

    def _change(self, at: int, batch: bytes) -> None:
        """Put a batch behind the first ``at`` ones."""
        error = self._error
        if error is None or self._is_kept:
            self._batches[at:] = [batch]
            if self.moments is not None:
                self.moments.append(tuple(self._batches))
        if error is not None:
            raise error
