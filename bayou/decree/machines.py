"""How worlds make nodes and clients of one decree."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.decree.client import DecreeClient
from bayou.decree.messages import BeClient, BeNode
from bayou.decree.node import DecreeNode
from bayou.paxos.records import AcceptedRecord, Decided, Promised, Used
from bayou.wire.keeping import Keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from bayou.machine.effects import Effects, Input
    from bayou.machine.machine import Machine, Surroundings
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable

RECORDS = {1: Used, 2: Promised, 3: AcceptedRecord, 4: Decided}
"""The kinds of records by their numbers, which are for good."""


def keeping() -> Keeping:
    """Return what packs and unpacks the records of nodes."""
    return Keeping(RECORDS)


def make(address: int, what: Message, around: Surroundings) -> Machine:
    """Return a new node or client."""
    return restore(address, what, around, ())


def restore(address: int, what: Message, around: Surroundings, records: Iterable[Durable]) -> Machine:
    """Return the node again that made these records durable."""
    if isinstance(what, BeNode):
        return DecreeNode(address, what, around.rng, records)
    if isinstance(what, BeClient):
        return DecreeClient(address, what)
    raise BayouError(f"a decree has no {type(what).__name__}")


def events_of(what: Message, address: int, given: Input, effects: Effects) -> list[dict[str, Any]]:
    """Nobody records a decree."""
    return []
