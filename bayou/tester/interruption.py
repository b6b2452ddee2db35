"""Signals that end a run: in order, once everything that the run has started is gone."""

from __future__ import annotations

import os
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

LAST_WORDS_S = 2.0
"""How long an interrupted run has to tell how far it came, in case nobody reads that."""


class Interrupted(BaseException):
    """A signal came before anything was started; the exit status says which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class Interruption:
    """Heeds signals, save those that whoever started this process wants ignored.

    Until ``ending`` a signal raises Interrupted. Within it nothing is raised: an exception could strike
    anywhere, in the middle of starting a process or of cleaning up after another signal. A thread
    calls ``stop`` instead, which makes the run come to its end by itself; further signals change nothing.
    The thread reads from a pipe what the interpreter writes there when a signal arrives: a handler in
    Python runs only when the main thread gets round to it, which may be waiting for something else.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._pipe: tuple[int, int] | None = None
        self._told = threading.Event()
        self._heeded = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]
        for number in self._heeded:
            signal.signal(number, self._heed)

    @property
    def status(self) -> int | None:
        """The exit status that tells of the signal, None where none came."""
        return None if self.number is None else 128 + self.number

    def ending(self, stop: Callable[[], None]) -> Self:
        """Return a context within which a signal calls ``stop``, which has to end all that was started."""
        incoming, outgoing = os.pipe()
        os.set_blocking(outgoing, False)
        threading.Thread(target=self._guard, args=(incoming, stop), daemon=True).start()
        signal.set_wakeup_fd(outgoing, warn_on_full_buffer=False)
        self._pipe = (incoming, outgoing)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All is gone and told. The same signal once more does not turn that into another exit status."""
        self._told.set()
        for number in self._heeded:
            signal.signal(number, signal.SIG_DFL if self.number is None else signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        if self._pipe is not None:
            os.close(self._pipe[1])

    def _heed(self, number: int, _: object) -> None:
        if self._pipe is not None:
            try:
                os.write(self._pipe[1], bytes([number]))  # in case it came before the pipe was known
            except BlockingIOError:
                pass  # it is full of signals
        elif self.number is None:
            self.number = number
            raise Interrupted(number)

    def _guard(self, incoming: int, stop: Callable[[], None]) -> None:
        came = b""
        while not came or came[0] not in self._heeded:  # others have handlers of their own
            came = os.read(incoming, 1)
            if not came:
                os.close(incoming)
                return
        self.number = came[0]
        stop()
        if not self._told.wait(LAST_WORDS_S):
            os._exit(128 + self.number)
