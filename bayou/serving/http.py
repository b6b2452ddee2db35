"""A few pages over HTTP, from within the loop of a server: it never waits for whoever asks."""

from __future__ import annotations

import select
from time import monotonic

from bayou._lean import accept, socket
from bayou.net.address import locate, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.net.address import Address
    from bayou.net.network import Network

    Respond = Callable[[str], tuple[int, str]]
    """From the path of a page to the status and the text of the answer."""

CONNECTIONS_MAX = 8
REQUEST_BYTES_MAX = 8192
PATIENCE_S = 5.0
WORDS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


class Pages:
    """Listens for those who ask, and answers each once."""

    def __init__(self, network: Network, address: Address, respond: Respond) -> None:
        """Listen at an address in numbers. OSError, which names it, where nobody can."""
        self._network = network
        self._respond = respond
        self._asking: dict[int, _Asking] = {}
        family, place = locate(address)
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(place)
            self._listener.listen(CONNECTIONS_MAX)
            self._listener.setblocking(False)
        except OSError as error:
            self._listener.close()
            raise OSError(error.errno, f"can't listen at {shown(address)}: {error.strerror}") from error
        self.address: Address = self._listener.getsockname()[:2]
        network.watch(self._listener.fileno(), self._open)

    @property
    def due(self) -> float | None:
        """When ``pass_time`` has something to do at the latest (monotonic)."""
        return min((asking.due for asking in self._asking.values()), default=None)

    def pass_time(self) -> None:
        """Send away who takes too long."""
        now = monotonic()
        for asking in list(self._asking.values()):
            if now >= asking.due:
                self._close(asking)

    def close(self) -> None:
        """Listen no more."""
        for asking in list(self._asking.values()):
            self._close(asking)
        self._network.unwatch(self._listener.fileno())
        self._listener.close()

    def _open(self) -> None:
        try:
            sock = accept(self._listener)
        except OSError:
            return
        if len(self._asking) >= CONNECTIONS_MAX:  # the oldest has had its time
            self._close(min(self._asking.values(), key=lambda asking: asking.due))
        sock.setblocking(False)
        asking = _Asking(sock, monotonic() + PATIENCE_S)
        self._asking[sock.fileno()] = asking
        self._network.watch(sock.fileno(), lambda: self._go_on(asking))

    def _go_on(self, asking: _Asking) -> None:
        """Read what has come, or send what is left."""
        try:
            if not asking.answer:
                self._read(asking)
            while asking.answer:
                sent = asking.sock.send(asking.answer)
                del asking.answer[:sent]
        except BlockingIOError:
            if asking.answer:
                self._network.watch_for(asking.sock.fileno(), select.POLLOUT)
            return
        except OSError:
            pass  # it is gone
        self._close(asking)

    def _read(self, asking: _Asking) -> None:
        """Read on; BlockingIOError where the request is not there yet, OSError where it never will be."""
        while b"\r\n\r\n" not in asking.request:
            data = asking.sock.recv(REQUEST_BYTES_MAX)
            asking.request += data
            if not data or len(asking.request) > REQUEST_BYTES_MAX:
                raise OSError("it ended, or goes on for too long")
        words = asking.request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            status, text = 400, "no request\n"
        elif words[0] not in ("GET", "HEAD"):
            status, text = 405, "there are only pages to get\n"
        else:
            status, text = self._respond(words[1].partition("?")[0])
        body = text.encode()
        head = (
            f"HTTP/1.1 {status} {WORDS[status]}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        asking.answer += head.encode() + (b"" if words[0] == "HEAD" else body)

    def _close(self, asking: _Asking) -> None:
        if self._asking.pop(asking.sock.fileno(), None) is not None:
            self._network.unwatch(asking.sock.fileno())
            asking.sock.close()


class _Asking:
    """One who asks: what has come of the request, what is left of the answer, and until when to wait."""

    __slots__ = ("answer", "due", "request", "sock")

    def __init__(self, sock: socket.socket, due: float) -> None:
        self.sock = sock
        self.due = due
        self.request = bytearray()
        self.answer = bytearray()
