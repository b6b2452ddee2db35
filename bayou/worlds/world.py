"""What the master asks of a world, and what can go wrong in one."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    from bayou.machine.messages import Links, Message
    from bayou.worlds.weather import Faults

    class World(Protocol):
        """Starts and stops nodes, connects them, and passes orders to them and their answers back.

        ``observe``, if set before the first node is started, is told what happens, as events of a trace
        (docs/traces.md).

        Nodes are addressed by integer ids. Every call returns when the thing is done; what takes longer
        than the deadline, counted from the last ``begin``, raises DeadlineExceeded.
        """

        observe: Callable[[dict[str, Any]], None] | None

        @property
        def now_s(self) -> float:
            """The time, in seconds from no moment in particular; virtual in the simulated world."""

        def begin(self) -> None:
            """A command begins: the deadline counts from here."""

        def start(self, spec: NodeSpec, peers: Sequence[int], order: Message | None = None) -> Message:
            """Start a node, connect it to these servers and give it its first order, if there is one. Return
            its answer, Done without an order; where it is Failed, the node has not been started."""

        def expect(self, machines: str) -> None:
            """Nodes of these machines (see NodeSpec) will be started soon: what takes a while begins now."""

        def start_all(self, nodes: Sequence[tuple[NodeSpec, Sequence[int]]]) -> list[Message]:
            """Start several nodes at once, each connected to these servers, which run already or stand before
            it. Return their answers, Done each, or the one that is Failed: then none has been started."""

        def connect(self, a: int, b: int) -> None:
            """Connect two nodes; at least one is a server. Raises Gone where one of them has left."""

        def disconnect(self, a: int, b: int) -> None:
            """Cut the connection between two nodes; both know when this returns."""

        def ask(self, node: int, order: Message) -> Message:
            """Give a node an order and return its answer."""

        def ask_all(self, orders: Sequence[tuple[int, Message]]) -> list[Message]:
            """Give orders to several nodes at once and return their answers in the same order."""

        def ask_first(self, orders: Sequence[tuple[int, Message]]) -> list[Message | None]:
            """Give orders to several nodes at once and return, as soon as there is an answer, what there
            is, None for those that have not answered. Nobody waits for theirs any more."""

        def order(self, node: int, order: Message) -> int:
            """Give a node an order without waiting; return the number under which ``answer`` will find the
            answer."""

        def answer(self, number: int) -> Message | None:
            """Return and forget the answer to that order, None while there is none."""

        def await_answer(self, numbers: Mapping[int, object], until_s: float) -> bool:
            """Wait until one of these orders is answered, or until that time (of ``now_s``); no deadline
            counts. Return whether there is an answer."""

        def crash(self, server: int) -> None:
            """End a server at once, as a failing machine does."""

        def crash_soon(self, server: int, after_s: float) -> None:
            """End the server that has this id then as a failing machine does, in the middle of whatever goes
            on."""

        def take_crashed(self) -> list[int]:
            """Return the servers that have crashed as planned since the last call."""

        def restart(self, spec: NodeSpec, peers: Sequence[int]) -> None:
            """Start a crashed server with what it had made durable, connected to these nodes."""

        def suffer(self, sender: int | None, receiver: int | None, faults: Faults | None) -> None:
            """Let messages from one node to another (None for all, also those that join later) suffer these
            faults from now on; none in particular any more where ``faults`` is None."""

        def calm(self) -> None:
            """End all faults of connections."""

        def skew(self, server: int, seconds: float) -> None:
            """Put a server's wall clock forward, from its next start on."""

        def pass_quietly(self, seconds: float) -> None:
            """Let time pass."""

        def interrupt(self) -> None:
            """Give up what is being waited for, from a signal handler: it raises GivenUp, or whatever is
            waited for next does."""

        def forget_interrupt(self) -> None:
            """An interrupt that came when nothing was being waited for any more is over."""

        def catch_up(self) -> None:
            """Take in what has come since anybody waited, without waiting for more."""

        def survey(self) -> dict[int, Links | None]:
            """Ask all nodes whom they are connected to, and wait a moment: None for who does not respond."""

        def process_of(self, node: int) -> int | None:
            """Return the id of a node's process, None where it has none of its own."""

        def take_late(self) -> list[tuple[int, Message, Message]]:
            """Return the answers that have come since the last call to orders that had been given up, or were
            cut short by an error: (node, order, answer)."""

        def owing(self) -> list[int]:
            """Return the nodes that have yet to answer an order that was given up."""

        def take_departed(self) -> list[int]:
            """Return the servers that have left since the last call without a farewell: their retirement had
            been given up."""

        def farewell(self, node: int) -> None:
            """A server has retired: return when it is gone."""

        def close(self) -> None:
            """End everything that was started."""


class WorldSettings(Record):
    """What a run sets for its world.

    ``deadline_s``: seconds that a command may take; ``verbose``: tell of each exchange on standard
    error; ``machines``: the module with the machines that will most likely be started (see NodeSpec), if it
    is known: a world of processes gets it ready before the first of them; ``seed``: what befalls messages
    between processes is drawn from it (the simulated world has a seed of its own, for all that happens).
    """

    deadline_s: float = 30.0
    verbose: bool = False
    machines: str = ""
    seed: int = 0


class NodeSpec(Record):
    """What a world has to know of a node to start it.

    - ``address``: where its peers find it; ``label``: what it is called when a person is told of it;
    - ``is_server``: whether others may connect to it, what it makes durable is kept, and it can be restarted;
      anything else connects to servers, and keeps nothing;
    - ``machines``: the module (bayou.machine.machine.Machines) that makes its machine from ``what``;
    - ``journal``: the file in which a server keeps what it makes durable, beyond the end of the run; where
      there is something in it, the server comes back as the one that wrote it. Empty for a server whose
      journal goes with the run. The simulated world has no files, and no such servers.
    """

    address: int
    label: str
    is_server: bool
    machines: str
    what: Message
    journal: str = ""


class DeadlineExceeded(BayouError):
    """A command took too long. ``waiting`` tells who waits for what, a line each."""

    def __init__(self, deadline_s: float, waiting: list[str]) -> None:
        self.waiting = waiting
        super().__init__(
            f"not done within {deadline_s:g} s: {'; '.join(waiting) or 'nobody waits for anything'}"
        )


class Unsupported(BayouError):
    """This world can't do that; nothing has changed."""


class Gone(BayouError):
    """A node that was to be connected has left."""


class GivenUp(BayouError):
    """Whoever waited does not want to any longer."""


class NodeLost(BayouError):
    """A node ended that nobody told to: ``node``, None where it is the parent of them all."""

    def __init__(self, node: int | None, why: str) -> None:
        self.node = node
        super().__init__(why)
