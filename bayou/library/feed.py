"""What was changed in a replica, in the order of commitment, a piece at a time.

Up to the base it is told in rows (bayou.core.past), each once, where it was changed last; beyond it write by
write. A reader who begins with the present state is told of a row only where it still stands, and of no
deletion that came before.
"""

from __future__ import annotations

from bayou.core.past import LAST
from bayou.core.write import PUT
from bayou.library.errors import TooOld

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.core.name import Name
    from bayou.core.past import Place
    from bayou.core.replica import Replica
    from bayou.core.write import Write
    from bayou.library.access import Told

ROWS_MAX = 256
CHARACTERS_MAX = 1 << 20


class LocalFeed:
    """One reader of a replica. ``place``: behind which row it stands."""

    def __init__(self, replica: Replica, since: int | None, *, committed: bool) -> None:
        """TooOld where what was deleted since is no longer known."""
        self._committed_only = committed
        self._began_at = replica.csn if since is None else 0
        self.place: Place = (since or 0, LAST, "")
        self._is_begun = since is not None
        self._told: dict[tuple[int, Name], tuple[Write, ...]] = {}
        self._again: dict[tuple[str, str], None] = {}
        self._check(replica)

    def has_more(self, replica: Replica) -> bool:
        """Whether there may be more."""
        if self.place < (replica.csn, LAST, ""):
            return True
        if self._committed_only:
            return False
        tentative = replica.log.tentative
        return (
            bool(self._again)
            or any(
                self._told.get((write.stamp, write.server)) != replica.database.versions(write)
                for write in tentative
            )
            or any(not replica.log.is_tentative(*id) for id in self._told)
        )

    def more(self, replica: Replica) -> list[tuple[Told, int | None]]:
        """Return what is next, each with where to resume behind it. There may be more where that is nothing,
        as long as ``has_more`` says so. TooOld as above."""
        if not self._is_begun and self._began_at < replica.past.marks_from:
            self._began_at = replica.csn  # as nothing was told, it begins with what there is now
        self._check(replica)
        is_in_base = self.place < (replica.log.start, LAST, "")
        found = self._from_base(replica) if is_in_base else self._from_log(replica)
        if found:
            self._is_begun = True
            if not self._committed_only:
                for (collection, key, *_), _ in found:
                    self._note_covered(replica, collection, key)
        elif not self._committed_only and self.place >= (replica.csn, LAST, ""):
            found = self._tentative(replica)
            self._is_begun = self._is_begun or bool(found)
        return found

    def _note_covered(self, replica: Replica, collection: str, key: str) -> None:
        """What is tentative of a row stands, and not what was committed just now."""
        seen, under = replica.row(collection, key), replica.row(collection, key, committed_only=True)
        if seen != under:
            self._again[collection, key] = None

    def _check(self, replica: Replica) -> None:
        csn, marks_from = self.place[0], replica.past.marks_from
        whole = csn if self.place[1] == LAST else csn - 1
        if self._is_begun and max(whole, self._began_at) < marks_from:
            raise TooOld(
                f"what was deleted since {csn} is known from {marks_from} on only: begin afresh, with "
                "since=None"
            )
        if self._is_begun and csn > replica.csn:
            raise TooOld(
                f"{csn} was not reached here yet, where {replica.csn} is the last CSN: read where it came "
                "from, or begin afresh, with since=None"
            )

    def _from_base(self, replica: Replica) -> list[tuple[Told, int | None]]:
        past = replica.past
        rows = past.rows_after(self.place, ROWS_MAX, CHARACTERS_MAX)
        if not rows:
            self.place = past.base.csn, LAST, ""
            return []
        collection, key, _, csn = rows[-1]
        self.place = csn, collection, key
        ahead = past.rows_after(self.place, 1, CHARACTERS_MAX)
        followers = [*(row[3] for row in rows[1:]), ahead[0][3] if ahead else 0]
        found: list[tuple[Told, int | None]] = []
        for (collection, key, value, csn), next_csn in zip(rows, followers, strict=True):
            if csn <= self._began_at:
                seen = replica.row(collection, key, committed_only=True)
                if seen is None or seen[3] is not None:
                    continue  # it is told as it stands, where its last write stands
            # Of several rows that one write changed, only the last one may be gone on behind.
            found.append(((collection, key, value, csn, None), csn - 1 if next_csn == csn else csn))
        return found

    def _from_log(self, replica: Replica) -> list[tuple[Told, int | None]]:
        log = replica.log
        found: list[tuple[Told, int | None]] = []
        csn = self.place[0]
        for write in log.committed[csn - log.start : csn - log.start + ROWS_MAX]:
            csn += 1
            versions = replica.database.versions(write)
            self._settle(write, versions)
            if csn <= self._began_at:
                versions = tuple(each for each in versions if _stands(replica, each))
            for number, version in enumerate(versions, 1):
                # What one write has made of rows may not be gone on from between them.
                found.append((_told(version, csn), csn if number == len(versions) else csn - 1))
            if len(found) >= ROWS_MAX:
                break
        self.place = csn, LAST, ""
        return found

    def _settle(self, write: Write, versions: tuple[Write, ...]) -> None:
        """What a write had come to when it was told, and has not where it was committed, is told again as it
        stands."""
        before = self._told.pop((write.stamp, write.server), None)
        if before:
            now = {(version.collection, version.key) for version in versions}
            for version in before:
                row = version.collection, version.key
                if row not in now:
                    self._again[row] = None

    def _tentative(self, replica: Replica) -> list[tuple[Told, int | None]]:
        """Return the rows that tentative writes have come to which were not told yet, as they stand; also
        where a general write has come to others, or has left one as it was."""
        last: dict[tuple[str, str], Write] = {}
        present: dict[tuple[int, Name], tuple[Write, ...]] = {}
        new: dict[tuple[str, str], None] = {}
        for write in replica.log.tentative:
            id, versions = (write.stamp, write.server), replica.database.versions(write)
            present[id] = versions
            last |= {(version.collection, version.key): version for version in versions}
            before = self._told.get(id, ())
            if versions != before:
                new |= dict.fromkeys([(version.collection, version.key) for version in (*before, *versions)])
        for id, versions in self._told.items():
            if id not in present:  # it is committed, and folded, perhaps as something else
                new |= dict.fromkeys([(version.collection, version.key) for version in versions])
        new |= self._again
        self._again = {}
        found: list[tuple[Told, int | None]] = []
        for row in new:
            seen, version = replica.row(*row), last.get(row)
            by = None if version is None else (version.stamp, version.server)
            if version is None and seen is not None:
                by = seen[3]
            told = *row, None if seen is None else seen[1], None, by
            found.append((told, self.place[0]))
        self._told = present
        return found


def _stands(replica: Replica, version: Write) -> bool:
    """Whether a committed version is what its row still is."""
    seen = replica.row(version.collection, version.key, committed_only=True)
    return seen is not None and seen[3] == (version.stamp, version.server)


def _told(version: Write, csn: int) -> Told:
    value: Any = version.value if version.kind == PUT else None
    return version.collection, version.key, value, csn, (version.stamp, version.server)
