"""Sees to it that a function which a general write calls does not run for ever.

In the main thread an alarm of the system interrupts it, in any other a thread that watches: both raise
TookTooLong within the function, again and again as long as it goes on. What neither can interrupt, as it
never comes back from a call of the interpreter's own, ends the process with a traceback, where that is the
server's."""

from __future__ import annotations

import faulthandler
import threading
from ctypes import c_ulong, py_object, pythonapi
from typing import Any

from bayou._lean import signal
from bayou.core.errors import TookTooLong
from bayou.core.functions import SECONDS_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN_S = 0.5
"""How long after one interruption comes the next."""

END_FACTOR = 1.5
"""After how many times as much, in processor time, the process is ended."""


class Guard:
    """Carries something out, and raises TookTooLong within it where that takes more than ``seconds``.

    ``ends_process``: whether the process may be ended where nothing else helps: it is the server's, and not
    that of a program which has a replica.
    """

    def __init__(self, seconds: float = SECONDS_MAX, *, ends_process: bool = False) -> None:
        self._seconds = seconds
        self._ends_process = ends_process
        self._is_within = False
        self._is_registered = False

    def __call__(self, does: Callable[[], Any]) -> Any:
        """Return what ``does`` returns."""
        if threading.current_thread() is threading.main_thread():
            return self._alarmed(does)
        return self._watched(does)

    # In the main thread.

    def _alarmed(self, does: Callable[[], Any]) -> Any:
        if self._ends_process and not self._is_registered:
            self._is_registered = True
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            faulthandler.register(signal.SIGPROF, file=2, all_threads=False, chain=True)
        before = signal.signal(signal.SIGALRM, self._ring)
        left = signal.setitimer(signal.ITIMER_REAL, self._seconds, AGAIN_S)
        if self._ends_process:
            signal.setitimer(signal.ITIMER_PROF, END_FACTOR * self._seconds)
        self._is_within = True
        try:
            return does()
        finally:
            self._is_within = False
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            if self._ends_process:
                signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)
            if left[0]:
                signal.setitimer(signal.ITIMER_REAL, *left)  # somebody else's, which is late now

    def _ring(self, number: int, frame: object) -> None:
        if self._is_within:
            raise TookTooLong

    # In any other.

    def _watched(self, does: Callable[[], Any]) -> Any:
        is_done = threading.Event()
        watcher = threading.Thread(
            target=_watch, args=(threading.get_ident(), self._seconds, is_done), daemon=True
        )
        watcher.start()
        try:
            return does()
        finally:
            _stop(watcher, is_done)


def _stop(watcher: threading.Thread, is_done: threading.Event) -> None:
    """Let nobody be interrupted any more; what was raised last may come here."""
    is_late = False
    while True:
        try:
            is_done.set()
            watcher.join()
            break
        except TookTooLong:
            is_late = True
    if is_late:
        raise TookTooLong


def _watch(thread: int, seconds: float, is_done: threading.Event) -> None:
    wait_s = seconds
    while not is_done.wait(wait_s):
        pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(TookTooLong))
        wait_s = AGAIN_S
