"""The machines of the store, for worlds that drive them: see bayou.machine.machine.Machines."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.families.store.specs import BeClient, BeServer
from bayou.node.client import Client
from bayou.node.server import Server
from bayou.node.session import Guarantees
from bayou.node.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from bayou.core.functions import Functions
    from bayou.families.store.kept import Kept
    from bayou.machine.effects import Effects, Input
    from bayou.machine.machine import Machine, Surroundings
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.wire.keeping import Keeping


def keeping() -> Keeping:
    """Return what packs and unpacks the records of servers; clients keep nothing."""
    from bayou.families.store.keeping import StoreKeeping  # only worlds with files need that

    return StoreKeeping()


_TELLERS: dict[type[Message], Callable[[int, Input, Effects], list[dict[str, Any]]]] = {}
"""What tells the events of a step, by what the machine is."""


def make(address: int, what: Message, around: Surroundings) -> Machine:
    """Return a new server or client; BayouError where ``what`` is neither."""
    if isinstance(what, BeClient):
        return Client(address, around.rng, what.guarantees or Guarantees())
    be = _be_server(what)
    if be.file:
        raise BayouError("--data keeps files of servers that are processes, and there are none here")
    return Server(address, around.rng, _settings(be, around), paused=be.paused, functions=_functions(be))


def open_kept(address: int, what: Message, around: Surroundings) -> Kept | None:
    """Return the server that is kept in a file of its own, as it was there; None for any other machine."""
    if not isinstance(what, BeServer) or not what.file:
        return None
    from bayou.families.store.kept import Kept  # seldom needed, and start-up time counts

    settings, functions = _settings(what, around), _functions(what)
    return Kept(address, what.file, settings, around, paused=what.paused, functions=functions)


def restore(address: int, what: Message, around: Surroundings, records: Iterable[Durable]) -> Machine:
    """Return the server again that made these records durable."""
    be = _be_server(what)
    settings = _settings(be, around)
    return Server.restored(
        address,
        around.rng,
        settings,
        records,
        now=around.now,
        paused=be.paused,
        functions=_functions(be),
    )


def _functions(be: BeServer) -> Functions | None:
    """Return the functions that general writes may call there."""
    if not be.functions:
        return None
    from bayou.families.store.functions import functions_of  # only where there are some

    return functions_of(be.functions)


def _be_server(what: Message) -> BeServer:
    if not isinstance(what, BeServer):
        raise BayouError(f"the store has no {type(what).__name__}")
    return what


def _settings(be: BeServer, around: Surroundings) -> Settings:
    settings = be.settings or Settings()
    if not be.has_wall_clock:
        return settings
    values = {name: getattr(settings, name) for name in settings.field_names}
    return Settings(**{**values, "wall_offset_s": around.wall_offset_s})


def events_of(what: Message, address: int, given: Input, effects: Effects) -> list[dict[str, Any]]:
    """Return what a step of a server or client amounts to, as events of a trace."""
    if not _TELLERS:
        from bayou.families.store.events import of_client, of_server  # only where there is a trace

        _TELLERS.update({BeClient: of_client, BeServer: of_server})
    return _TELLERS[type(what)](address, given, effects)
