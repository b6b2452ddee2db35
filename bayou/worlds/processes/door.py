"""Where connections come in: who is let in, and who is sent away where there is no room for all.

Strangers come in crowds, friends one by one. A crowd takes neither the descriptors nor the place of a friend:
whoever has not yet said what only friends can say goes first.
"""

from __future__ import annotations

import os
from select import POLLIN

from bayou._lean import accept, socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.worlds.processes.link import Link
    from bayou.worlds.processes.stream import Poll

LOOPBACK = "127.0.0.1"
BACKLOG = 1024
"""How many connections the system keeps for a server that is busy."""

ACCEPTS_A_TURN = 32
PAUSE_S = 0.1
"""How long a server takes no connections after one could not be taken, for want of descriptors say."""


DESCRIPTORS_SPARE = 4
"""So many descriptors are left for what a node needs by itself: a file to import, a connection to dial."""


def limits() -> tuple[int, int]:
    """Return how many descriptors this process may have, and how many handshakes may be under way."""
    most = os.sysconf("SC_OPEN_MAX")
    descriptors = most if most > 0 else 1 << 20
    return descriptors, min(256, max(8, descriptors // 4))


class Door:
    """A listener, and the connections taken there whose handshake is under way, the oldest first."""

    def __init__(
        self,
        poll: Poll,
        welcome: Callable[[socket.socket], None],
        send_away: Callable[[Link, str], None],
        complain: Callable[[str], None],
    ) -> None:
        """``welcome`` is called with each new connection, ``send_away`` with each that has to go."""
        self._poll = poll
        self._welcome = welcome
        self._send_away = send_away
        self._complain = complain
        self.handshakes: dict[Link, None] = {}
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen(BACKLOG)
        self._listener.setblocking(False)
        self._accept_failed = False
        self._descriptors_max, self._handshakes_max = limits()
        self.opens_again: float | None = None
        poll.register(self.fd, POLLIN)

    @property
    def fd(self) -> int:
        """The descriptor to look at for those who knock."""
        return self._listener.fileno()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def open(self, now: float) -> None:
        """Let in those who knock, some at a time."""
        for _ in range(ACCEPTS_A_TURN):
            try:
                sock = accept(self._listener)
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(now, error)
                return
            self._accept_failed = False
            if self._has_room(sock.fileno()):
                self._welcome(sock)
            else:
                sock.close()

    def pass_time(self, now: float) -> None:
        """Open again after a pause, where it is time to."""
        if self.opens_again is not None and now >= self.opens_again:
            self.opens_again = None
            self._poll.register(self.fd, POLLIN)

    def make_room(self, why: str) -> bool:
        """Send away the oldest of those who have not said anything that shows a friend, if there is one."""
        for link in self.handshakes:
            if not link.channel.greeted:
                self._send_away(link, why)
                return True
        return False

    def _has_room(self, fd: int) -> bool:
        if len(self.handshakes) >= self._handshakes_max:
            why = f"more than {self._handshakes_max} handshakes are under way"
        elif fd >= self._descriptors_max - DESCRIPTORS_SPARE:
            why = f"its descriptor is needed, {self._descriptors_max} are the limit"
        else:
            return True
        if self.make_room(why):
            return True
        self._complain(f"turned a connection away: {why}")
        return False

    def _pause(self, now: float, error: OSError) -> None:
        """A connection waits that can't be taken: look again in a while, with one stranger less."""
        if not self._accept_failed:
            self._accept_failed = True
            self._complain(f"can't take a connection, and tries again: {error}")
        self._poll.unregister(self.fd)
        self.opens_again = now + PAUSE_S
        self.make_room("its descriptor is needed")
