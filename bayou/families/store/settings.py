"""What a run of the store is set to, and that as plain data, as it stands in traces."""

from __future__ import annotations

from bayou._record import Record
from bayou.node.session import SHORT_NAMES, Guarantees
from bayou.node.settings import Habits, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OF_THE_RUN = ("habits", "wall_offset_s")
"""What the run itself decides of a server's settings: whether it is left to itself, and the time."""


class StoreSettings(Record):
    """What a run of the store is set to.

    ``guarantees``: what all sessions ask for; ``habits``: how servers gossip, where they run freely;
    ``server``: all else that can be set for a server; ``data``: the directory in which servers are kept in
    files of their own, empty where what they make durable goes with the run; ``functions``: those that
    general writes may call (bayou.families.store.functions), empty where there are none; ``leader``: which
    member of a commit group leads in lock-step, of those that are there (bayou.families.store.lockstep).
    """

    guarantees: Guarantees = Guarantees()
    habits: Habits = Habits()
    server: Settings = Settings()
    data: str = ""
    functions: str = ""
    leader: int = 0

    def of_server(self, *, free_running: bool) -> Settings:
        """Return the settings of a server, which gossips if it runs freely."""
        if not free_running:
            return self.server
        values = {name: getattr(self.server, name) for name in self.server.field_names}
        return Settings(**{**values, "habits": self.habits})


def plain_of(settings: StoreSettings) -> dict[str, Any]:
    """Return settings as plain data: the names of the guarantees, and each field of the others."""
    chosen = [name for name, field in SHORT_NAMES.items() if getattr(settings.guarantees, field)]
    server = _plain(settings.server)
    for name in OF_THE_RUN:
        del server[name]
    if settings.server.keep is None:  # as in every scenario that is not an explorer's
        del server["keep"]
    plain = {"guarantees": chosen, "habits": _plain(settings.habits), "server": server}
    for name in ("data", "functions", "leader"):
        if getattr(settings, name):
            plain[name] = getattr(settings, name)
    return plain


def _plain(record: Record) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in record.field_names}
    return {name: _plain(value) if isinstance(value, Record) else value for name, value in values.items()}
