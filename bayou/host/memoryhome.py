"""A server that is kept in memory alone, and is gone with its process: for tests."""

from __future__ import annotations

from random import SystemRandom

from bayou.node.server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.core.functions import Functions
    from bayou.core.name import Name
    from bayou.host.messages import Entry
    from bayou.machine.records import Durable
    from bayou.node.settings import Settings


class MemoryHome:
    """See bayou.host.home.Home."""

    place = ":memory:"
    starts = 1
    was_clean = True

    def __init__(self) -> None:
        self.cluster = ""
        self.link = SystemRandom().getrandbits(62)
        self.entries: Sequence[Entry] = ()

    def server(self, settings: Settings, now: float, functions: Functions | None = None) -> Server:
        return Server(self.link, SystemRandom(), settings, functions=functions)

    def belong(self, cluster: str) -> None:
        self.cluster = cluster

    def keep(self, records: list[Durable]) -> None:
        """Nothing outlives the process."""

    def keep_entries(self, entries: Iterable[Entry], gone: Iterable[Name] = ()) -> None:
        """As above."""

    def has_room(self) -> bool:
        return True

    def sizes(self) -> dict[str, int]:
        return {}

    def disown(self) -> None:
        """Nobody is kept from it."""

    def close(self, *, is_clean: bool) -> None:
        """There is nothing to let go of."""
