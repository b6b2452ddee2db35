"""Where connections go out: each that is asked for is tried again until it is up or its time is over."""

from __future__ import annotations

import os
from time import monotonic

from bayou._lean import socket
from bayou.net.address import locate
from bayou.net.link import FIRST_TRY_S, Dialling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.net.address import Address
    from bayou.net.link import Link


class Dialler:
    """Connections on their way out, until the handshake is over."""

    def __init__(
        self,
        shake_hands: Callable[[socket.socket, Dialling], Link],
        connected: Callable[[Link], None],
        give_up: Callable[[Link, str, bool], None],
        failed: Callable[[int, str], None],
        make_room: Callable[[str], object],
    ) -> None:
        """``shake_hands`` makes a link of a socket that is being connected, ``connected`` is told when it is,
        so that the handshake can begin; ``give_up`` closes one, and calls ``end_try``: it is told why, and
        whether to try again. ``failed`` is told, with the number of the order, why there is no connection.
        ``make_room`` is to free a descriptor, and told why."""
        self._shake_hands = shake_hands
        self._connected = connected
        self._give_up = give_up
        self._failed = failed
        self._make_room = make_room
        self.under_way: dict[Link, None] = {}
        self._put_off: dict[Dialling, None] = {}

    def dial(self, number: int, address: Address, within_s: float, first_try_s: float = FIRST_TRY_S) -> None:
        """Connect to whoever listens there."""
        self._try(Dialling(number, address, monotonic(), within_s, first_try_s))

    def _try(self, dialling: Dialling) -> None:
        try:
            family, place = locate(dialling.address)
        except OSError as error:
            self.end_try(dialling, str(error), again=False)
            return
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._make_room("its descriptor is needed")
            self.end_try(dialling, str(error), again=True)
            return
        link = self._shake_hands(sock, dialling)
        self.under_way[link] = None
        try:
            sock.connect(place)
        except BlockingIOError:
            return
        except OSError as error:
            self._give_up(link, str(error), False)
            return
        self.look(link)

    def look(self, link: Link) -> None:
        """The system says that a socket is connected, or will not be."""
        error = link.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            is_refused = isinstance(OSError(error, ""), ConnectionRefusedError)
            self._give_up(link, os.strerror(error), not is_refused)
            return
        link.connecting = False
        self._connected(link)

    def end_try(self, dialling: Dialling, why: str | None, *, again: bool) -> None:
        """A try to connect came to nothing: there is another one, or it is told."""
        if again and dialling.put_off(monotonic()):
            self._put_off[dialling] = None
            return
        self._failed(dialling.number, f"the connection failed: {why or 'the other end closed it'}")

    @property
    def due(self) -> float | None:
        """When ``pass_time`` has something to do at the latest."""
        if not self.under_way and not self._put_off:
            return None
        return min([link.due for link in self.under_way] + [dialling.due for dialling in self._put_off])

    def pass_time(self, now: float) -> None:
        """Give up what took too long, and try again what it is time to."""
        for link in list(self.under_way) if self.under_way else ():
            if now >= link.due:
                self._give_up(link, "no handshake in time", True)
        for dialling in [each for each in self._put_off if now >= each.due] if self._put_off else ():
            del self._put_off[dialling]
            self._try(dialling)
