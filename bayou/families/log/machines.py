"""How worlds make servers and clients of a log: ``machines`` of chat and of locks are made of this."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.families.log.client import LogClient
from bayou.families.log.keeping import LogKeeping
from bayou.families.log.messages import BeClient, BeServer, ServiceMessage
from bayou.families.log.server import LogServer
from bayou.families.log.tracing import events_of_client, events_of_server
from bayou.machine.messages import Message as MessageBase
from bayou.paxos.log.messages import LogMessage
from bayou.wire.codec import get_ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bayou.families.log.client import Reader
    from bayou.machine.effects import Effects, Input
    from bayou.machine.machine import Keeping, Machine, Surroundings
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.trace.file import Event


def keeping() -> Keeping:
    """Return what packs and unpacks the records of servers."""
    get_ready(
        *(kind for kind in MessageBase.KINDS.values() if issubclass(kind, (ServiceMessage, LogMessage)))
    )
    return LogKeeping()


def make_with(
    make_reader: Callable[[BeClient], Reader], address: int, what: Message, around: Surroundings
) -> Machine:
    """Return a new machine: a server, or a client whose commands this reader takes."""
    if isinstance(what, BeServer):
        return LogServer(address, what, around)
    if isinstance(what, BeClient):
        return LogClient(address, what, make_reader(what))
    raise BayouError(f"a log has no {type(what).__name__}")


def restore(address: int, what: Message, around: Surroundings, records: Iterable[Durable]) -> Machine:
    """Return the server again that made these records durable."""
    if not isinstance(what, BeServer):
        raise BayouError(f"no {type(what).__name__} of a log makes anything durable")
    return LogServer(address, what, around, records)


def events_of(what: Message, address: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step amounts to."""
    if isinstance(what, BeClient):
        return events_of_client(what.client, effects)
    return events_of_server(address, effects)
