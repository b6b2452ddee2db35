"""One collection of rows, by key."""

from __future__ import annotations

from bayou.core.sortedwrites import SHORT, SortedWrites, add_to, after, before, take_from
from bayou.core.write import PUT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortedcontainers import SortedSet

    from bayou.core.sortedwrites import Place, Run
    from bayou.core.values import Value


class Table:
    """One collection, by key: the last version of each row that was committed beyond the base, and the
    tentative versions.

    A version is a put or a delete: one that was accepted as such, or what a general write makes of the row.
    Most rows have one tentative version at most: a run of its own is made for the second one. ``keys``: all
    keys of both in order, from the first time that anybody goes through them.
    """

    __slots__ = ("_short_max", "committed", "keys", "tentative")

    def __init__(self, short_max: int = SHORT) -> None:
        self._short_max = short_max
        self.committed: dict[str, Write] = {}
        self.tentative: dict[str, Run] = {}
        self.keys: SortedSet[str] | None = None

    def keys_after(self, prefix: str, after: str | None) -> Iterator[str]:
        """Go through the keys that begin with ``prefix`` and come behind ``after``, in order."""
        if self.keys is None:
            from sortedcontainers import SortedSet  # not needed where nobody goes through the rows

            self.keys = SortedSet(self.committed)
            self.keys.update(self.tentative)
        for key in self.keys.irange(
            max(prefix, after or ""), inclusive=(after is None or prefix > after, True)
        ):
            if not key.startswith(prefix):
                return
            yield key

    def add(self, version: Write) -> None:
        """Put a tentative version in its place."""
        rows = self.tentative
        present = rows.setdefault(version.key, version)
        if present is not version:
            add_to(rows, version.key, version, self._short_max)
        elif self.keys is not None:
            self.keys.add(version.key)

    def remove(self, version: Write) -> None:
        """Take a tentative version out."""
        key = version.key
        take_from(self.tentative, key, version)
        if self.keys is not None and key not in self.tentative and key not in self.committed:
            self.keys.discard(key)

    def commit(self, version: Write) -> None:
        """Let a version be the last committed one of its row."""
        self.committed[version.key] = version
        if self.keys is not None:
            self.keys.add(version.key)

    def last(self, key: str, *, committed_only: bool) -> Write | None:
        """Return the last version of a row in that view; None where it is in the base, if anywhere."""
        last: Write | None = None
        if not committed_only:
            present = self.tentative.get(key)
            last = present.last if isinstance(present, SortedWrites) else present
        return self.committed.get(key) if last is None else last

    def last_before(self, key: str, place: Place) -> Write | None:
        """Return the last version of a row before a place in the tentative order, the committed one if there
        is no tentative one; None where it is in the base, if anywhere."""
        last = before(self.tentative.get(key), place)
        return self.committed.get(key) if last is None else last

    def next_place(self, key: str, place: Place) -> Place | None:
        """Return the place of the first tentative version of a row behind a place, or None."""
        found = after(self.tentative.get(key), place)
        return None if found is None else found.place

    def first_place(self, key: str) -> Place | None:
        """Return the place of the first tentative version of a row, or None."""
        run = self.tentative.get(key)
        first = run.first if isinstance(run, SortedWrites) else run
        return None if first is None else first.place

    def is_tentative(self, key: str) -> bool:
        """Whether the last version of a row in the full view is tentative."""
        return key in self.tentative


def value_of(version: Write) -> Value | None:
    """Return what a version makes of its row: a value, or None where it deletes it."""
    # The value of a put is never a name.
    return version.value if version.kind == PUT else None  # type: ignore[return-value]
