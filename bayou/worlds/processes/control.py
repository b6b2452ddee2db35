"""What the master and the process of a node say to each other, over a socket pair."""

from __future__ import annotations

from bayou.machine.messages import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.worlds.weather import Faults
else:

    def __getattr__(name):
        """Find the record that is seldom in an order only when one is: start-up time counts."""
        if name == "Faults":
            from bayou.worlds.weather import Faults

            return Faults
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


UNWRITTEN = 74
"""The exit status of a node that could not make something durable, and has said why."""

CRASHED = 75
"""The exit status of a node that was to fail, and did."""


FAULTY = 70
"""The exit status of a node that could not carry out a function, and has said why."""


class Envelope(Message):
    """An order with its number, or the answer with the same number."""

    number: int
    body: Message


class Load(Message):
    """Import the module ``machines``, whose messages come next. Goes before ``Start`` where the warm parent
    has not done so, and is not answered."""

    machines: str


class Start(Message):
    """The first order: what to be, and whom to connect to (address, port, address, port, ...).

    The rest is as in bayou.worlds.world.NodeSpec. Connections that are not up within ``within_s`` seconds
    have failed. When all connections are up the node carries out ``order`` and answers with the outcome of
    that; where there is none, it answers Done.

    A server keeps what it makes durable in the journal whose descriptor came with its process; where that has
    something in it, the server comes back as the one that wrote it. ``journal`` is its path where it does not
    go with the run, so that what is added has to be on disk.
    """

    id: int
    label: str
    is_server: bool
    verbose: bool
    machines: str
    what: Message
    peers: tuple[int, ...]
    order: Message | None
    within_s: float
    trace: bool = False
    journal: str = ""


class Up(Message):
    """A server tells, of itself, where it listens."""

    port: int


class Traced(Message):
    """What happened at the node, as lines of a trace."""

    lines: tuple[str, ...]


class Dial(Message):
    """Connect to the node with that id, at that port, within ``within_s`` seconds."""

    peer: int
    port: int
    within_s: float


class Suffer(Message):
    """Let messages to ``peer`` (None for all) suffer these faults; where there are none, none in particular
    any more. ``is_general`` tells that all nodes get this order; ``draws`` names the random stream that says,
    from the first such order on, which messages suffer."""

    peer: int | None
    is_general: bool
    faults: Faults | None
    draws: str


class Calm(Message):
    """Let messages suffer no faults any more."""


class HangUp(Message):
    """Cut the connection to that node."""

    peer: int
