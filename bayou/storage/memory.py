"""What a machine made durable, in memory: for worlds without files, and as the twin of what has them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayou.machine.records import Durable


class Memory:
    """Records in the order in which they became durable; of those with the same key only the last one, and none
    from before one that begins anew."""

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
