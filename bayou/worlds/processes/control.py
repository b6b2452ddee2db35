"""What the master and the process of a node say to each other, over a socket pair."""

from __future__ import annotations

from bayou.node.messages import Message


class Envelope(Message):
    """An order with its number, or the answer with the same number."""

    number: int
    body: Message


class Start(Message):
    """The first order: what to be, and whom to connect to (id, port, id, port, ...).

    ``habits`` are those of bayou.node.gossip.Habits: (period, jitter, round, patience) in millionths, and
    ``partners``; where they are empty the server does not gossip by itself.

    Connections that are not up ``within_ms`` milliseconds have failed.

    When all connections are up a server carries out ``join`` and answers with the outcome of that; a
    client, which has none, answers Done, and so does a server that has been before.

    A server keeps what it makes durable in the journal whose descriptor came with its process; where that has
    something in it, the server comes back as the one that wrote it.
    """

    id: int
    is_server: bool
    paused: bool
    verbose: bool
    guarantees: tuple[int, ...]
    peers: tuple[int, ...]
    join: Message | None
    within_ms: int
    habits: tuple[int, ...] = ()
    partners: str = ""
    trace: bool = False


class Up(Message):
    """A server tells, of itself, where it listens."""

    port: int


class Traced(Message):
    """What happened at the node, as lines of a trace."""

    lines: tuple[str, ...]


class Dial(Message):
    """Connect to the node with that id, at that port, ``within_ms`` milliseconds."""

    peer: int
    port: int
    within_ms: int


class Suffer(Message):
    """Let messages to ``peer`` (None for all) suffer these faults, in millionths, in the order of the
    fields of bayou.worlds.faults.Faults; none in particular any more where there are no numbers.
    ``is_general`` tells that all nodes get this order."""

    peer: int | None
    is_general: bool
    faults: tuple[int, ...]


class Calm(Message):
    """Let messages suffer no faults any more."""


class HangUp(Message):
    """Cut the connection to that node."""

    peer: int
