"""How what people run ends: by a signal, in good order, wherever it is in its work."""

from __future__ import annotations

import os

from bayou._lean import signal
from bayou._statuses import BY_SIGNAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.net.network import Network

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def take_standard_streams() -> None:
    """See that descriptors 0 to 2 are taken, lest a socket be given one of them."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= 2:
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)


class Ending:
    """``number``: the signal that says that it is time to end, None as long as there was none. A second one
    ends the process at once."""

    def __init__(self) -> None:
        take_standard_streams()
        self.number: int | None = None
        self._heard, self._rung = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._rung)
        for number in ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:  # as it is where whoever started it wants that
                signal.signal(number, self._end)

    def wake(self, network: Network) -> None:
        """Let a signal end a network's wait."""
        network.watch(self._heard, self._hear)

    @property
    def fd(self) -> int:
        """A descriptor that can be read once a signal has come."""
        return self._heard

    @property
    def status(self) -> int:
        """The exit status after the signal, as shells have it."""
        return BY_SIGNAL + (self.number or 0)

    def _hear(self) -> None:
        os.read(self._heard, 64)

    def _end(self, number: int, _: object) -> None:
        self.number = number
        signal.signal(number, signal.SIG_DFL)
