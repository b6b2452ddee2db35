"""Where connections come in: who is let in, and who is sent away where there is no room for all.

Strangers come in crowds, friends one by one. A crowd takes neither the descriptors nor the place of a friend:
whoever has not yet said what only friends can say goes first.
"""

from __future__ import annotations

import os
from select import POLLIN

from bayou._lean import accept, socket
from bayou.net.address import is_wildcard, locate, shown
from bayou.net.link import HANDSHAKE_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.net.address import Address
    from bayou.net.link import Link
    from bayou.net.stream import Poll

BACKLOG = 1024
"""How many connections the system keeps for a server that is busy."""

ACCEPTS_A_TURN = 32
PAUSE_S = 0.1
"""How long a server takes no connections after one could not be taken, for want of descriptors say."""

AGAIN = socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
"""That a port can be listened at again while the system remembers connections of the one before."""

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
        address: Address,
        poll: Poll,
        welcome: Callable[[socket.socket], None],
        send_away: Callable[[Link, str], None],
        complain: Callable[[str], None],
    ) -> None:
        """Listen at an address, whose port the system chooses where it is 0.

        ``welcome`` is called with each new connection, ``send_away`` with each that has to go. Raises OSError
        where nobody can listen there, or somebody does.
        """
        self._poll = poll
        self._welcome = welcome
        self._send_away = send_away
        self._complain = complain
        self.handshakes: dict[Link, None] = {}
        self._listener = _listener(address)
        self._accept_failed = False
        self._descriptors_max, self._handshakes_max = limits()
        self._opens_again: float | None = None
        poll.register(self.fd, POLLIN)

    @property
    def fd(self) -> int:
        """The descriptor to look at for those who knock."""
        return self._listener.fileno()

    @property
    def address(self) -> Address:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return host, port

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
        """Open again after a pause, and send away whoever took too long, where it is time to."""
        for link in list(self.handshakes) if self.handshakes else ():
            if now < link.due:
                break  # all have the same time, and the others began later
            self._send_away(link, f"no handshake within {HANDSHAKE_S:g} s")
        if self._opens_again is not None and now >= self._opens_again:
            self._opens_again = None
            self._poll.register(self.fd, POLLIN)

    @property
    def due(self) -> float | None:
        """When ``pass_time`` has something to do at the latest."""
        for link in self.handshakes:
            return link.due if self._opens_again is None else min(link.due, self._opens_again)
        return self._opens_again

    def close(self) -> None:
        """Listen no more."""
        if self._opens_again is None:
            self._poll.unregister(self.fd)
        self._listener.close()

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
        self._opens_again = now + PAUSE_S
        self.make_room("its descriptor is needed")


def _listener(address: Address) -> socket.socket:
    """Return a socket that listens; OSError, which names the address, where none can."""
    family, place = locate(address)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            is_narrow = not is_wildcard(address[0])  # said, so that it is the same wherever it runs
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_narrow)
        if address[1]:
            listener.setsockopt(*AGAIN)
        listener.bind(place)
        listener.setsockopt(*AGAIN)  # where the system chooses, before that two might be given the same port
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"can't listen at {shown(address)}: {error.strerror}") from error
    return listener
