"""A server that lasts, kept in one file (bayou.storage.replica)."""

from __future__ import annotations

import os
from random import SystemRandom
from time import monotonic

from bayou.core.items import Items
from bayou.core.past import Bounded
from bayou.host.messages import Entry
from bayou.node.records import Activated, Aiming, Asking, ConsentGiven, CreatedFor, Named, Promised, Voted
from bayou.node.server import Server
from bayou.storage.replica.file import ReplicaFile
from bayou.wire.keeping import Keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou._record import Record
    from bayou.core.functions import Functions
    from bayou.core.name import Name
    from bayou.machine.machine import Randomness
    from bayou.machine.records import Durable
    from bayou.node.settings import Settings

FACTS: dict[int, type[Record]] = {
    3: Activated, 5: Promised, 6: CreatedFor, 7: Asking, 8: Aiming, 16: Voted, 17: ConsentGiven,
}  # fmt: skip
"""What is kept as it is. The numbers are for good."""

COUNT_S = 60.0
"""How often rows are counted at most, which takes a while where they are many."""


class FileHome:
    """See bayou.host.home.Home. ``file`` is the file."""

    def __init__(self, path: str, *, moved: bool = False, min_free_bytes: int = 0) -> None:
        """Open the file, which is made where there is none; see ReplicaFile for errors, and for ``moved``.
        With less than ``min_free_bytes`` left on its file system there is no room."""
        keeping = Keeping(FACTS)
        self.file = ReplicaFile(path, keeping.pack, keeping.unpack, moved=moved)
        self._min_free_bytes = min_free_bytes
        self._folder = os.path.dirname(os.path.abspath(path))
        self._rows = 0
        self._count_due = 0.0

    @property
    def place(self) -> str:
        """The path of the file."""
        return self.file.path

    @property
    def cluster(self) -> str:
        return self.file.cluster

    @property
    def link(self) -> int:
        return self.file.link

    @property
    def starts(self) -> int:
        return self.file.starts

    @property
    def was_clean(self) -> bool:
        return self.file.was_clean or self.file.is_new

    @property
    def entries(self) -> list[Entry]:
        return [Entry(name, version, tuple(text.split())) for name, version, text in self.file.addresses()]

    def server(
        self,
        settings: Settings,
        now: float,
        functions: Functions | None = None,
        *,
        id: int | None = None,
        rng: Randomness | None = None,
        paused: bool = False,
    ) -> Server:
        """See Home; ``id``: its address, where that is not its link; ``rng``: the system's unless given."""
        loaded = self.file.load()
        asking = [fact for fact in loaded.facts if isinstance(fact, Asking)]
        records: list[Durable] = [*asking]
        if loaded.name is not None:
            items = loaded.items
            records.append(Named(loaded.name))
            records += [fact for fact in loaded.facts if not isinstance(fact, Asking)]
            # One after the other: an heir commits what it holds when it becomes the primary, and nothing
            # later.
            records.append(Items(items.csn, items.committed, []))
            records.append(Items(items.csn + len(items.committed), [], items.tentative))
            if loaded.boundary:
                records.append(Bounded(loaded.boundary))
            records += loaded.answers
        return Server.restored(
            self.link if id is None else id,
            rng or SystemRandom(),
            settings,
            records,
            now=now,
            paused=paused,
            past=self.file,
            functions=functions,
        )

    def belong(self, cluster: str) -> None:
        self.file.join_cluster(cluster)

    def keep(self, records: list[Durable]) -> None:
        self.file.keep(records)

    def keep_entries(self, entries: Iterable[Entry], gone: Iterable[Name] = ()) -> None:
        for entry in entries:
            self.file.put_address(entry.name, entry.version, " ".join(entry.addresses))
        for name in gone:
            self.file.drop_address(name)
        self.file.keep(())

    def has_room(self) -> bool:
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize >= self._min_free_bytes

    def sizes(self) -> dict[str, int]:
        file, now = self.file, monotonic()
        if now >= self._count_due:
            self._count_due = now + COUNT_S
            self._rows = file.row_count()
        return {
            "file_bytes": _size(file.path),
            "wal_bytes": _size(f"{file.path}-wal"),
            "log_entries": file.csn - file.omitted_csn,
            "unfolded": file.csn - file.base.csn,
            "rows": self._rows,
        }

    def disown(self) -> None:
        self.file.disown()

    def close(self, *, is_clean: bool) -> None:
        if is_clean:
            self.file.close()
        else:
            self.file.abandon()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
