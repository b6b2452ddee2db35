"""The playlist that the log makes: song -> URL, in two views (Terry '95, "Replica consistency").

The database is a function of the log, but is never made by replaying it. What a view says of a song
depends on the last write of that song alone, so a late write, or a commitment in another order than
the tentative one, costs a look at that song's writes: O(log n) in their number.
"""

from __future__ import annotations

from bayou.core.errors import require
from bayou.core.sortedwrites import SHORT, SortedWrites
from bayou.core.write import DELETE, PUT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Database:
    """Both views of the playlist: the committed one, and the full one with tentative writes.

    Kept by telling it each write twice at most: ``tentative`` when it enters the tentative suffix,
    ``commit`` when it is committed.
    """

    __slots__ = ("_committed", "_short_max", "_tentative")

    def __init__(self, *, short_max: int = SHORT) -> None:
        self._short_max = short_max
        self._committed: dict[str, Write] = {}
        # Most songs have one tentative write at most: a run of its own is made for the second one.
        self._tentative: dict[str, Write | SortedWrites] = {}

    def tentative(self, write: Write) -> None:
        """Take in a put or delete that entered the tentative suffix, wherever in it."""
        present = self._tentative.setdefault(write.song, write)
        if present is write:
            return
        if isinstance(present, SortedWrites):
            present.add(write)
        else:
            self._tentative[write.song] = SortedWrites((present, write), short_max=self._short_max)

    def commit(self, write: Write) -> None:
        """Take in a put or delete that was committed next, in the order of commitment."""
        present = self._tentative.get(write.song)
        if isinstance(present, SortedWrites):
            present.remove(write)
            if not present:
                del self._tentative[write.song]
        else:
            del self._tentative[write.song]
        self.commit_new(write)

    def commit_new(self, write: Write) -> None:
        """As ``commit``, for a write that was not tentative here before."""
        if write.kind == PUT:
            self._committed[write.song] = write
        else:
            self._committed.pop(write.song, None)

    def commit_all(self, writes: Iterable[Write]) -> None:
        """As ``commit`` for every tentative write there is, given in the order of commitment."""
        self._tentative.clear()
        for write in writes:
            if write.kind <= DELETE:
                self.commit_new(write)

    def get(self, song: str, *, committed_only: bool = False) -> str | None:
        """Return the URL of ``song``, or None where there is no such song in that view."""
        last: Write | None = None
        if not committed_only:
            present = self._tentative.get(song)
            last = present.last if isinstance(present, SortedWrites) else present
        if last is None:
            last = self._committed.get(song)
        return None if last is None else str(last.value) if last.kind == PUT else None

    def check(self, committed: Iterable[Write], tentative: Iterable[Write]) -> None:
        """Raise InvariantBroken unless both views are what replaying these writes gives."""
        replayed: dict[str, Write] = {}
        for write in committed:
            if write.kind == PUT:
                replayed[write.song] = write
            elif write.kind == DELETE:
                replayed.pop(write.song, None)
        require(replayed == self._committed, "the committed view is not what the committed prefix makes")
        runs: dict[str, list[Write]] = {}
        for write in tentative:
            if write.kind <= DELETE:
                runs.setdefault(write.song, []).append(write)
        kept = {song: [run] if isinstance(run, Write) else list(run) for song, run in self._tentative.items()}
        require(runs == kept, "the index by song is not what the tentative suffix makes")
