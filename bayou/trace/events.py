"""Events: what each step of a node amounts to, as plain data with documented field names (docs/traces.md).

Made from the outside, from what goes into a node and what comes out of it: nodes know nothing of traces.
"""

from __future__ import annotations

from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.write import CREATION, DELETE, NOTICE, PUT, RETIREMENT, Write
from bayou.node.effects import Effects, Input, Ordered, Received
from bayou.node.messages import Answer, Did, Do, Failed, Request
from bayou.node.records import Named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

VERSION = 1
KINDS = {PUT: "put", DELETE: "delete", CREATION: "creation", RETIREMENT: "retirement", NOTICE: "notice"}


def events_of(kind: str, node: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a machine of this kind amounts to, in order."""
    return (of_server if kind == "server" else of_client)(node, given, effects)


def of_server(server: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a server amounts to, in order."""
    events: list[Event] = []
    for record in effects.durable:
        if isinstance(record, Named):
            events.append({"event": "named", "server": server, "name": _name(record.name)})
        elif isinstance(record, Items):
            events.append({"event": "log", "server": server, **_items(record)})
    if isinstance(given, Received) and isinstance(given.message, Request):
        for _, message in effects.sends:
            if isinstance(message, Answer):
                events.append({"event": "served", "server": server, **_answer(message, given.message)})
    if effects.leave:
        events.append({"event": "left", "server": server})
    return events


def of_client(client: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a client amounts to, in order."""
    events: list[Event] = []
    if isinstance(given, Ordered) and isinstance(given.order, Do):
        for server, message in effects.sends:
            if isinstance(message, Request):
                asked = {"session": message.session, "number": message.number, "server": server}
                events.append({"event": "asked", "client": client, **asked, **_request(message)})
    for _, report in effects.answers:
        if isinstance(report, Did) and isinstance(given, Received) and isinstance(given.message, Answer):
            answer = given.message
            told: Event = {"session": answer.session, "number": answer.number, "verdict": answer.verdict}
            if answer.server is not None:
                told |= {"stamp": answer.stamp, "by": _name(answer.server)}
            elif answer.vector is not None:
                told["url"] = answer.url
            events.append({"event": "answered", "client": client, **told})
        elif isinstance(report, Failed) and not isinstance(given, Ordered):
            events.append({"event": "gave up", "client": client})
    return events


def _name(name: Name) -> list[int]:
    return list(name.stamps)


def _write(write: Write) -> list[Any]:
    """A write: stamp, server, kind, and what the kind has: song and URL, song, or the heir's name."""
    plain: list[Any] = [write.stamp, _name(write.server), KINDS[write.kind]]
    if write.kind <= DELETE:
        plain.append(write.song)
    if isinstance(write.value, Name):
        plain.append(_name(write.value))
    elif write.value is not None:
        plain.append(write.value)
    return plain


def _items(items: Items) -> Event:
    return {
        "csn": items.csn,
        "committed": [_write(write) for write in items.committed],
        "tentative": [_write(write) for write in items.tentative],
    }


def _request(request: Request) -> Event:
    asked = {"kind": request.kind, "song": request.song}
    return asked if request.url is None else {**asked, "url": request.url}


def _answer(answer: Answer, request: Request) -> Event:
    told: Event = {"session": answer.session, "number": answer.number, "kind": request.kind}
    told |= {"song": request.song, "verdict": answer.verdict}
    if answer.server is not None:
        told["stamp"] = answer.stamp
    elif answer.vector is not None:
        told["read"] = answer.url
    return told
