"""A home in a store of batches, until servers have a file of their own kind."""

from __future__ import annotations

import os

from bayou.families.store.keeping import StoreKeeping
from bayou.host.keeper import Keeper
from bayou.host.messages import Entry
from bayou.machine.records import Fact
from bayou.node.server import Server
from bayou.storage.sqlite import SqliteFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.core.name import Name
    from bayou.machine.records import Durable
    from bayou.node.settings import Settings


class Meta(Fact):
    """What a file says of itself."""

    what: str
    text: str

    @property
    def key(self) -> tuple[str, object]:
        """What it says."""
        return "Meta", self.what


class StoreHome:
    """See bayou.host.home.Home."""

    def __init__(self, path: str, min_free: int) -> None:
        keeping = StoreKeeping()
        for number, kind in ((30, Meta), (31, Entry)):
            keeping.kinds = {**keeping.kinds, number: kind}
            keeping.numbers[kind] = number
        self.place = path
        self._min_free = min_free
        self._keeper = Keeper(SqliteFile(path, "a replica"), keeping)
        records = list(self._keeper.read())
        meta = {record.what: record.text for record in records if isinstance(record, Meta)}
        self.entries: Sequence[Entry] = [record for record in records if isinstance(record, Entry)]
        self._records = [record for record in records if not isinstance(record, Meta | Entry)]
        self.cluster = meta.get("cluster", "")
        self.link = int(meta.get("link", int.from_bytes(os.urandom(8), "big") >> 2))
        self.starts = int(meta.get("starts", 0)) + 1
        self.was_clean = meta.get("clean", "1") == "1"
        self._keep_meta(link=self.link, starts=self.starts, clean=0)
        self._pending: list[Durable] = []

    def _keep_meta(self, **values: object) -> None:
        self._keeper.keep([Meta(key, str(value)) for key, value in values.items()])

    def server(self, settings: Settings, now: float) -> Server:
        from random import SystemRandom

        rng = SystemRandom()
        if not self._records:
            return Server(self.link, rng, settings)
        return Server.restored(self.link, rng, settings, self._records, now=now)

    def belong(self, cluster: str) -> None:
        self.cluster = cluster
        self._pending.append(Meta("cluster", cluster))

    def keep(self, records: list[Durable]) -> None:
        pending, self._pending = self._pending, []
        self._keeper.keep([*pending, *records])

    def keep_entries(self, entries: Iterable[Entry], gone: Iterable[Name] = ()) -> None:
        self._keeper.keep(list(entries))

    def has_room(self) -> bool:
        found = os.statvfs(os.path.dirname(os.path.abspath(self.place)))
        return found.f_bavail * found.f_frsize >= self._min_free

    def close(self, *, is_clean: bool) -> None:
        if is_clean:
            self._keep_meta(clean=1)
        self._keeper.close()
