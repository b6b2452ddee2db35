"""Paxos as pure objects, for any transport and any disk: single decree with separate roles, and a log.

Each name is imported from its own module when it is first asked for, so that whoever wants only ``Proposer``
imports nothing else.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.paxos.acceptor import Acceptor
    from bayou.paxos.answers import Answer, Chosen, LeaderChanged, Preempted
    from bayou.paxos.ballot import Ballot
    from bayou.paxos.effects import Effects
    from bayou.paxos.heartbeat import HeartbeatNode
    from bayou.paxos.learner import Learner
    from bayou.paxos.log.node import LogNode
    from bayou.paxos.log.options import LogOptions
    from bayou.paxos.messages import (
        Accept,
        Accepted,
        Decide,
        Elected,
        Election,
        Heard,
        Heartbeat,
        Nack,
        PaxosMessage,
        Prepare,
        Promise,
    )
    from bayou.paxos.node import Node
    from bayou.paxos.proposer import Proposer
    from bayou.paxos.records import AcceptedRecord, Decided, Promised, Used
    from bayou.paxos.ring import RingElection

_ROOMS = {
    "acceptor": ("Acceptor",),
    "answers": ("Answer", "Chosen", "LeaderChanged", "Preempted"),
    "ballot": ("Ballot",),
    "effects": ("Effects",),
    "heartbeat": ("HeartbeatNode",),
    "learner": ("Learner",),
    "log.node": ("LogNode",),
    "log.options": ("LogOptions",),
    "messages": (
        "Accept", "Accepted", "Decide", "Elected", "Election", "Heard", "Heartbeat", "Nack", "PaxosMessage",
        "Prepare", "Promise",
    ),
    "node": ("Node",),
    "proposer": ("Proposer",),
    "records": ("AcceptedRecord", "Decided", "Promised", "Used"),
    "ring": ("RingElection",),
}  # fmt: skip
"""Which module has which names."""

_MODULES = {name: module for module, names in _ROOMS.items() for name in names}

__all__ = [
    "Accept", "Accepted", "AcceptedRecord", "Acceptor", "Answer", "Ballot", "Chosen", "Decide", "Decided",
    "Effects", "Elected", "Election", "Heard", "Heartbeat", "HeartbeatNode", "LeaderChanged", "Learner",
    "LogNode", "LogOptions", "Nack", "Node", "PaxosMessage", "Preempted", "Prepare", "Promise", "Promised",
    "Proposer", "RingElection", "Used",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(__import__(f"{__name__}.{module}", fromlist=[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
