"""A node or a client of a decree on several hosts: one process, with a place in the file of hosts."""

from __future__ import annotations

import random
from time import monotonic

from bayou.core.errors import BayouError
from bayou.decree.client import DecreeClient
from bayou.decree.durable import DecreeKeeper
from bayou.decree.messages import AwaitValue, Stop, Told, Watch
from bayou.decree.node import DecreeNode
from bayou.decree.plan import Plan, Wish
from bayou.host.site import Site
from bayou.net.address import shown
from bayou.net.complaints import Complaints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou._lean import socket
    from bayou.decree.hosts import Hosts
    from bayou.decree.messages import BeNode
    from bayou.machine.effects import Effects
    from bayou.net.network import Network
    from bayou.net.stream import Line

FAREWELL_S = 3.0
"""How long a client that stops the nodes tries to reach each of them, and waits for it to be gone."""


def plan_of(hosts: Hosts, wishes: tuple[Wish, ...], kills: tuple[int, ...], timeout_s: float) -> Plan:
    """Return the plan of a decree on these hosts."""
    return Plan(hosts.proposers, hosts.acceptors, hosts.learners, wishes, kills, timeout_s)


def _listen(network: Network, hosts: Hosts, id: int, who: str) -> None:
    address = hosts.find(id)
    try:
        network.listen(address)
    except OSError as error:
        raise BayouError(
            f"{who} can't listen at {shown(address)}: {error.strerror}; does it run already, or is this "
            "the wrong host?"
        ) from error


class Tether:
    """The end that a process has of a stream to the one that started it: where that one is gone, it ends."""

    def __init__(self, network: Network, sock: socket.socket | None) -> None:
        self._network = network
        self._line: Line | None = None if sock is None else network.attach(sock, lambda message: None)

    @property
    def is_cut(self) -> bool:
        """Whether whoever started this process is gone."""
        return self._line is not None and self._line.is_closed

    def tell(self, told: Told) -> None:
        """Tell whoever started this process."""
        if self._line is not None:
            self._network.tell(self._line, told)


def serve(
    hosts: Hosts,
    secret: bytes,
    id: int,
    what: BeNode,
    folder: str | None,
    parent: socket.socket | None = None,
) -> None:
    """Be a node until it is stopped, or killed as was planned, or ``parent`` is gone. What is durable is in
    ``folder``; without one nothing outlives this process. BayouError where it can't be, or can't go on."""
    who = f"node {id}"
    complaints = Complaints(monotonic)
    complaints.introduce(who)
    keeper = None if folder is None else DecreeKeeper(hosts, id, folder)
    records = () if keeper is None else tuple(keeper.read())
    node = DecreeNode(id, what, random.SystemRandom(), records)
    nodes = range(len(hosts.nodes))
    site = Site(node, secret, complaints, servers=nodes, witness=lambda effects: None, keeper=keeper)
    tether = Tether(site.network, parent)
    try:
        _listen(site.network, hosts, id, who)
        for other in range(id):
            site.dial(other, hosts.find(other))
        while not site.driver.has_left and not tether.is_cut:
            site.turn()
    finally:
        site.close()


class Asking:
    """A client: asks until it is told, and may stop all nodes then."""

    def __init__(
        self, hosts: Hosts, secret: bytes, id: int, plan: Plan, *, watch: Callable[[str], None] | None = None,
        parent: socket.socket | None = None,
    ) -> None:  # fmt: skip
        """``watch`` takes a line for each Accepted that a learner hears."""
        self._nodes = range(len(hosts.nodes))
        self.client = DecreeClient(id, plan.client(id - plan.nodes), watch)
        complaints = Complaints(monotonic)
        complaints.introduce(f"client {id}")
        self._site = Site(self.client, secret, complaints, servers=self._nodes, witness=self._witness)
        self._tether = Tether(self._site.network, parent)
        _listen(self._site.network, hosts, id, f"client {id}")
        for node in self._nodes:
            self._site.dial(node, hosts.find(node))

    def run(self, deadline_s: float) -> str | None:
        """Return the value, None where nobody told it within that time."""
        until = monotonic() + deadline_s
        self._site.order(AwaitValue())
        if self.client.watch is not None:
            self._site.order(Watch())
        while self.client.value is None and monotonic() < until and not self._tether.is_cut:
            self._site.turn(until)
        return self.client.value

    def stop_nodes(self) -> list[int]:
        """Tell all nodes to end, and wait until they are gone; return those that were not reached."""
        self._site.order(Stop())
        until = monotonic() + FAREWELL_S
        while self.client.stopping and monotonic() < until:
            self._site.turn(until)
        return list(self.client.stopping or ())

    @property
    def waits(self) -> str:
        """What it waits for, and whom it can't reach."""
        missing = [f"node {id}: {why}" for id, why in sorted(self._site.unreachable.items())]
        return "; ".join([*self.client.waits, *missing])

    def stay(self) -> None:
        """Go on until whoever started this process is gone."""
        while not self._tether.is_cut:
            self._site.turn()

    def close(self) -> None:
        """Close all connections."""
        self._site.close()

    def _witness(self, effects: Effects) -> None:
        for _, answer in effects.answers:
            if isinstance(answer, Told):
                self._tether.tell(answer)
