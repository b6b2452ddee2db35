"""What a step of a server or client of a log amounts to, for traces: the log's own events, and a client's."""

from __future__ import annotations

from bayou.families.log.client import ClientEffects
from bayou.families.log.events import events_of, plain_value
from bayou.families.log.server import ServerEffects
from bayou.paxos.effects import Effects as LogEffects
from bayou.paxos.log.inputs import Tick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.effects import Effects
    from bayou.trace.file import Event


def events_of_server(server: int, effects: Effects) -> list[Event]:
    """Return what a step of a server amounts to, or, after a crash, what of it was durable."""
    if not isinstance(effects, ServerEffects):
        durable = LogEffects()
        durable.durable += effects.durable
        return events_of(server, Tick(), durable)
    return [event for given, made in effects.log for event in events_of(server, given, made)]


def events_of_client(client: int, effects: Effects) -> list[Event]:
    """Return what a step of a client amounts to."""
    if not isinstance(effects, ClientEffects):
        return []
    events: list[Event] = [
        {"event": "asked", "client": client, "number": number, "text": text} for number, text in effects.asked
    ]
    for decree in effects.told:
        value = plain_value(decree.value)
        events.append({"event": "told", "client": client, "slot": decree.slot, "value": value})
    for number, slot in effects.delivered:
        events.append({"event": "acknowledged", "client": client, "number": number, "slot": slot})
    return events + [dict(event) for event in effects.more]
