"""Where a machine runs that no master looks after: its network, what it makes durable, and its loop.

One thread and one loop. Each turn takes in what the sockets hold, lets the machine process it, makes durable
at once all that this has left, and then sends. Peers are dialled again and again, so that nothing has to be
started in any order.
"""

from __future__ import annotations

from time import monotonic

from bayou.host.driver import Driver
from bayou.machine.effects import LinkDown, LinkUp, Ordered, Received, Tick
from bayou.net.address import shown
from bayou.net.network import Network
from bayou.wire.connection import Introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from bayou.host.keeper import Keeper
    from bayou.machine.effects import Effects, Input
    from bayou.machine.machine import Machine
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.net.address import Address
    from bayou.net.complaints import Complaints

DIAL_S = 3.0
"""How long a try to reach a peer takes at most, beginning with short ones."""

INPUTS_MAX = 256
"""How many inputs may share one write to the disk."""

SILENCE_S = 10
"""After so long without a sign of life from its host a connection is given up, and dialled anew: a host that
was cut off can be back long before the system tries again by itself."""

FIRST_PAUSE_S = 0.02
LAST_PAUSE_S = 0.5
REFUSED = "Connection refused"


class Peer:
    """A server that is dialled: where it is, how long to wait before the next try, when that is, None while
    there is a connection or a try; ``why``: what was last said of tries that failed."""

    __slots__ = ("address", "due", "pause_s", "why")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.due: float | None = 0.0
        self.pause_s = FIRST_PAUSE_S
        self.why = ""


class Site:
    """The loop of one machine: the Owner of its Network, and the Place of its Driver.

    ``up`` has the servers to which there is a connection, ``unreachable``, for each server whose last dial
    failed, why; ``has_met``: whether there ever was a connection to a server.
    """

    def __init__(
        self,
        machine: Machine,
        secret: bytes,
        complaints: Complaints,
        *,
        servers: Container[int],
        witness: Callable[[Effects], None],
        keeper: Keeper | None = None,
        loses: Callable[[int], bool] | None = None,
        pause_max_s: float = LAST_PAUSE_S,
    ) -> None:
        """``servers``: the ids of all servers that there are. ``witness`` is told what each step has brought
        about, once what is durable of it is so; ``loses`` decides whether a message to a peer gets lost;
        ``pause_max_s``: how long to wait at most until a server is dialled again."""
        self.network = Network(secret, self, silence_s=SILENCE_S)
        self.driver = Driver(machine, self, INPUTS_MAX)
        self.network.introduce_as(Introduce(machine.id, machine.is_server, machine.hello))
        self.up: dict[int, None] = {}
        self.unreachable: dict[int, str] = {}
        self.has_met = False
        self._complaints = complaints
        self._witness = witness
        self._keeper = keeper
        self._loses = loses
        self._pause_max_s = min(LAST_PAUSE_S, pause_max_s)
        self._peers: dict[int, Peer] = {}
        self._servers = servers

    def dial(self, id: int, address: Address) -> None:
        """Connect to a server, and again whenever the connection is lost. One of two servers does."""
        self._peers[id] = Peer(address)

    def turn(self, until: float | None = None) -> None:
        """Take in what comes, at the latest until that time (monotonic), or until something is to be done;
        then do it. StorageFailed where something can't be made durable: nobody has heard of it, nothing else
        is to be done with this site then but to close it."""
        machine = self.driver.machine
        self._dial(monotonic())
        self.network.flush()  # what orders have brought about
        self.network.wait(self._next_due(until))
        wake_at = machine.wake_at
        if wake_at is not None and monotonic() >= wake_at:
            self.network.flush()  # somebody may be waiting for what there is already
            self._step(Tick())
        while self.driver.has_pending:
            self.driver.settle()
        self._complaints.pass_time()
        self.network.flush()

    def order(self, order: Message) -> None:
        """Let the machine carry out an order; nobody waits for an answer."""
        self._step(Ordered(0, order))

    def close(self) -> None:
        """Let what is queued leave, and end: close all sockets, and let go of what is durable."""
        self.network.say_farewell()
        self.network.close()
        if self._keeper is not None:
            self._keeper.close()

    def _next_due(self, until: float | None) -> float | None:
        dues = [peer.due for peer in self._peers.values()]
        return min(
            (
                due
                for due in (until, self.driver.machine.wake_at, self._complaints.due, *dues)
                if due is not None
            ),
            default=None,
        )

    # Peers.

    def _dial(self, now: float) -> None:
        for id, peer in self._peers.items():
            if peer.due is not None and now >= peer.due:
                peer.due = None
                self.network.dial(id, peer.address, DIAL_S)

    def linked(self, peer: Introduce) -> None:
        if peer.is_server and peer.id not in self._servers:
            self.network.hang_up(peer.id, f"it claims to be server {peer.id}, and there is none")
            return
        if peer.is_server:
            self.up[peer.id] = None
            self.has_met = True
        self._step(LinkUp(peer.id, peer.hello))

    def unlinked(self, peer: int) -> None:
        self.up.pop(peer, None)
        self._step(LinkDown(peer))
        self._dial_again(peer)

    def dialled(self, number: int, failure: str | None) -> None:
        peer = self._peers[number]
        if failure is None:
            self.unreachable.pop(number, None)
            peer.why = ""
            peer.pause_s = FIRST_PAUSE_S
            return
        self.unreachable[number] = failure
        if failure != peer.why and REFUSED not in failure:  # as long as nobody is there, nothing is wrong
            self._complaints.complain("peers", f"server {number} at {shown(peer.address)}: {failure}")
        peer.why = failure
        self._dial_again(number)

    def _dial_again(self, number: int) -> None:
        peer = self._peers.get(number)
        if peer is not None:
            peer.due = monotonic() + min(peer.pause_s, self._pause_max_s)
            peer.pause_s = min(LAST_PAUSE_S, 2 * peer.pause_s)

    def received(self, peer: int, message: Message) -> None:
        self._step(Received(peer, message))

    def complain(self, sort: str, line: str) -> None:
        self._complaints.complain(sort, line)

    def relieved(self) -> None:
        """What was freed is kept by the C library for what comes."""

    # The machine.

    def _step(self, given: Input) -> None:
        self.driver.step(monotonic(), given)
        if self.driver.is_urgent:
            self.driver.settle()

    def make_durable(self, records: list[Durable]) -> None:
        if self._keeper is not None:
            self._keeper.keep(records)

    def witness(self, given: Input, effects: Effects) -> None:
        self._witness(effects)

    def send(self, peer: int, message: Message) -> None:
        if self._loses is None or not self._loses(peer):
            self.network.send(peer, message)

    def answer(self, number: int, message: Message) -> None:
        """Nobody waits for answers."""

    def drop(self, peer: int, why: str) -> None:
        self.network.hang_up(peer, why)

    def leave(self) -> None:
        """No machine of ours ever leaves."""

    def crash(self) -> None:
        """No machine of ours fails on purpose."""
