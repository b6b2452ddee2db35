"""What a server that lasts looks at each second: room on its disk, silent peers, and the clock."""

from __future__ import annotations

from time import time

from bayou.core.vector import RETIRED
from bayou.host.circle import GIVE_UP, PING, Silence
from bayou.host.messages import Ping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.host.circle import Peer
    from bayou.host.home import Home
    from bayou.net.network import Network
    from bayou.node.server import Server

    Tell = Callable[[str, str, dict[str, object]], None]
    """What is told of what happens: the level (debug, info, warning, error), the event, and its fields."""

LOOK_S = 1.0
AHEAD_S = 60.0
"""A stamp that is so far ahead of the wall clock is told of, once."""


class Lookout:
    """``due``: when to look next (monotonic)."""

    def __init__(
        self,
        home: Home,
        machine: Server,
        network: Network,
        peers: dict[int, Peer],
        is_too_many: Callable[[int], bool],
        tell: Tell,
        now: float,
    ) -> None:
        """``is_too_many`` says whether the connection to a server is one that is wanted no more."""
        self.due = now
        self._home = home
        self._machine = machine
        self._network = network
        self._peers = peers
        self._is_too_many = is_too_many
        self._tell = tell
        self._silence = Silence()
        self._is_ahead = False

    def look(self, now: float) -> None:
        """Look at all of it, where it is time to."""
        if now >= self.due:
            self.due = now + LOOK_S
            self._look_for_room()
            self._look_at_peers(now)
            self._look_for_silence(now)
            self._look_at_clock()

    def _look_for_room(self) -> None:
        machine, is_full = self._machine, not self._home.has_room()
        if is_full == machine.is_full:
            return
        machine.is_full = is_full
        if is_full:
            does = "takes no writes, and pulls nothing, until there is room"
            self._tell("warning", "no room", {"file": self._home.place, "does": does})
        else:
            self._tell("info", "room", {"file": self._home.place})
            machine.wake()

    def _look_at_peers(self, now: float) -> None:
        for id, peer in list(self._peers.items()):
            heard_at = self._network.silent_since(id)
            if heard_at is None:
                continue
            if peer.who.name is not None:
                self._silence.heard(peer.who.name, heard_at)
            does = peer.look(heard_at, now)
            if does == GIVE_UP:
                self._tell("debug", "silent", {"peer": peer.called(id), "seconds": round(now - heard_at, 1)})
                self._network.hang_up(id)
            elif does == PING:
                self._network.send(id, Ping())
            elif peer.is_server and self._is_too_many(id):
                self._network.hang_up(id)

    def _look_for_silence(self, now: float) -> None:
        machine = self._machine
        for name in self._silence.new(now):
            if machine.is_member and machine.replica.vector.completed(name) == RETIRED:
                self._silence.forget(name)
                continue
            remedy = "does it run, and can it be reached?"
            self._tell("warning", "not heard", {"server": name, "remedy": remedy})

    def _look_at_clock(self) -> None:
        if not self._machine.is_member:
            return
        ahead_s = self._machine.replica.clock.now / 1e6 - time()
        if ahead_s > AHEAD_S and not self._is_ahead:
            fields = {"seconds": round(ahead_s), "remedy": "set the clocks of all machines"}
            self._tell("warning", "stamps ahead", fields)
        self._is_ahead = ahead_s > AHEAD_S
