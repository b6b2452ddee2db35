"""The connections between nodes, and what becomes of the messages on them."""

from __future__ import annotations

from bayou.machine.effects import Received
from bayou.worlds.simulated.link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.machine.messages import Message
    from bayou.worlds.simulated.scheduler import Scheduler
    from bayou.worlds.weather import Weather

    class Watcher(Protocol):
        """Whom a world shows its messages."""

        def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
            """A message was sent, and arrives so many times."""

        def asked_again(self, what: str) -> None:
            """A node asked for something again, as no answer had come in time."""

        def cut(self, message: Message) -> None:
            """A connection was cut while this was on its way."""

        def lost(self) -> None:
            """A crash lost what a server had not made durable."""


LATENCY_S = 0.001


class Network:
    """Connections by pair of nodes. What is sent takes ``latency_s``, and what the ``weather`` adds.

    ``watcher`` sees it all, if set.
    """

    def __init__(self, scheduler: Scheduler, weather: Weather, latency_s: float) -> None:
        self.weather = weather
        self.latency_s = latency_s
        self.watcher: Watcher | None = None
        self._scheduler = scheduler
        self._links: dict[tuple[int, int], Link] = {}

    def connect(self, a: int, b: int) -> Link:
        """Make a connection between two nodes that have none."""
        link = self._links[_pair(a, b)] = Link(a, b)
        return link

    def disconnect(self, a: int, b: int) -> bool:
        """Cut the connection between two nodes; return whether there was one."""
        link = self._links.pop(_pair(a, b), None)
        if link is not None:
            self._cut(link)
        return link is not None

    def isolate(self, node: int) -> list[int]:
        """Cut all connections of a node; return who was at their other ends, the oldest connection first."""
        peers = self.peers(node)
        for peer in peers:
            self._cut(self._links.pop(_pair(node, peer)))
        return peers

    def peers(self, node: int) -> list[int]:
        """Return who is connected to a node, the oldest connection first."""
        return [ends[0] if ends[1] == node else ends[1] for ends in self._links if node in ends]

    def is_connected(self, a: int, b: int) -> bool:
        """Whether the two are connected directly."""
        return _pair(a, b) in self._links

    def send(self, node: int, peer: int, message: Message) -> None:
        """Send a message, which is lost where there is no connection."""
        link = self._links.get(_pair(node, peer))
        if link is None:
            return
        arrivals = self.weather.arrivals(node, peer, self._scheduler.now_s, self.latency_s)
        for at_s in arrivals:
            self._scheduler.schedule(at_s, peer, Received(node, message), link)
        if self.watcher is not None:
            self.watcher.sent(node, peer, message, len(arrivals))

    def _cut(self, link: Link) -> None:
        if self.watcher is not None:
            for received in self._scheduler.on_link(link):
                self.watcher.cut(received.message)
        link.is_up = False


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
