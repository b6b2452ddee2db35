"""Who turns a loop within a program: one lock, and no thread unless one is asked for.

Whoever calls does what is to be done himself, with the lock held. To wait for something that comes over the
network, one of those who wait turns the loop: he lets go of the lock while he waits for the sockets, takes it
again for what they bring, and tells the others. Where there is a thread, it is always the one.
"""

from __future__ import annotations

import os
import select
from threading import Condition, Lock, Thread, get_ident
from time import monotonic
from weakref import WeakSet

from bayou.library.errors import Error, public, told
from bayou.storage.store import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, Protocol, TypeVar

    from bayou.library.opening import Waiting
    from bayou.net.network import Network

    Made = TypeVar("Made")

    class Loop(Protocol):
        """What is turned: bayou.host.station, bayou.host.switchboard."""

        @property
        def network(self) -> Network: ...
        @property
        def place(self) -> str: ...
        def rest_s(self, until: float | None = None) -> float: ...
        def turn(self, until: float | None = None) -> None: ...
        def close(self, *, is_clean: bool = True) -> None: ...
        def disown(self) -> None: ...


BLIND_S = 0.02
"""How long to hold the lock at a time, where the system can't wait for all sockets by one descriptor."""


class Turner:
    """Turns one loop for a program, which is to be used with the lock held: within ``act`` and ``wait``."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._condition = Condition(Lock())
        self._process = os.getpid()
        self._failure: Error | None = None
        self._is_closing = False
        self._is_closed = False
        self._is_turning = False
        self._is_resting = False
        self._thread: Thread | None = None
        self._heard, self._rung = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _TURNERS.add(self)

    def act(self, does: Callable[[], Made]) -> Made:
        """Let ``does`` do something with the loop; where it fails nothing can be done with that any more."""
        self._check_process()
        with self._condition:
            self._check()
            return self._act(does)

    def _act(self, does: Callable[[], Made]) -> Made:
        try:
            made = does()
        except BaseException as error:
            self._break(error)
        self._nudge()
        self._condition.notify_all()
        return made

    def run(self, plan: Waiting[Made]) -> Made:
        """Carry out what waits again and again: between its waits it has the loop to itself."""
        self._check_process()
        with self._condition:
            self._check()
            has_come: bool | None = None
            try:
                while True:
                    try:
                        done, until = plan.send(has_come)  # type: ignore[arg-type]  # None begins it
                    except StopIteration as over:
                        return over.value  # type: ignore[no-any-return]
                    except Error:
                        raise
                    except BaseException as error:
                        self._break(error)
                    self._nudge()
                    has_come = self._wait(done, until)
            finally:
                plan.close()
                self._condition.notify_all()

    # Waiting.

    def wait(self, done: Callable[[], bool], until: float | None = None) -> bool:
        """Turn the loop, or let another thread do so, until ``done`` (called with the lock held) is true,
        or until then (monotonic); return whether it is true."""
        self._check_process()
        with self._condition:
            self._check()
            return self._wait(done, until)

    def _wait(self, done: Callable[[], bool], until: float | None) -> bool:
        while not self._is_done(done):
            now = monotonic()
            if until is not None and now >= until:
                return False
            if self._is_turning:
                self._condition.wait(None if until is None else until - now)
            else:
                self._turn(until)
            self._check()
        return True

    def _is_done(self, done: Callable[[], bool]) -> bool:
        try:
            return done()
        except BaseException as error:
            self._mind(error)

    def _turn(self, until: float | None) -> None:
        """Wait for the sockets without the lock, then take in what has come with it."""
        loop = self._loop
        self._is_turning = True
        try:
            rest_s = loop.rest_s(until)
            fd = loop.network.fileno()
            if fd is None:
                self._turn_loop(monotonic() + min(rest_s, BLIND_S))
                return
            if rest_s > 0:
                self._rest(fd, rest_s)  # an interrupt that comes here has broken nothing off
            if not self._is_closing:
                self._turn_loop(0.0)
        finally:
            self._is_turning = False
            self._condition.notify_all()

    def _turn_loop(self, until: float) -> None:
        try:
            self._loop.turn(until)
        except BaseException as error:
            self._break(error)

    def _rest(self, fd: int, seconds: float) -> None:
        """Let go of the lock for so long, or until something comes in, or somebody nudges."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self._heard, select.POLLIN)
        self._is_resting = True
        self._condition.release()
        try:
            poll.poll(seconds * 1000 + 1)
        finally:
            self._condition.acquire()
            self._is_resting = False
            try:
                os.read(self._heard, 64)
            except BlockingIOError:
                pass

    def _nudge(self) -> None:
        """Let whoever waits for the sockets look at what there is to do now."""
        if self._is_resting:
            try:
                os.write(self._rung, b"!")
            except BlockingIOError:
                pass

    # A thread of its own.

    def start(self) -> None:
        """Let a thread turn the loop until it is closed."""
        with self._condition:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="bayou", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        with self._condition:
            while not self._is_closing and self._failure is None:
                if self._is_turning:
                    self._condition.wait()
                    continue
                try:
                    self._turn(None)
                except Error:
                    break  # kept, for whoever calls next
            if self._is_closing:
                self._let_go()

    # The end.

    def close(self) -> None:
        """Let go of everything; may be called twice. Calls that are under way end with an Error."""
        if os.getpid() != self._process:
            return
        if self._thread is not None and self._thread.ident == get_ident():
            self._is_closing = True  # called by the collector of garbage, from within the thread
            return
        with self._condition:
            self._is_closing = True
            self._nudge()
            self._condition.notify_all()
            while self._is_turning:
                self._condition.wait()
            self._let_go()

    def _let_go(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            _TURNERS.discard(self)
            try:
                self._loop.close(is_clean=self._failure is None)
            finally:
                os.close(self._heard)
                os.close(self._rung)
                self._condition.notify_all()

    def disown(self) -> None:
        """In the child of a fork: keep nothing of the parent's locked."""
        self._loop.disown()

    # Whether it can be used.

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise Error(
                f"{self._loop.place} was opened by process {self._process}, and only that one may "
                "go on with it after a fork: let it do so, or open another file here"
            )

    def _check(self) -> None:
        if self._failure is not None:
            raise type(self._failure)(str(self._failure)) from self._failure
        if self._is_closing:
            raise Error(f"{self._loop.place} is closed: open it again")

    def _mind(self, error: BaseException) -> NoReturn:
        """Tell an error of a read, after which nothing can be read any more where it is one of the file."""
        if isinstance(error, StorageError) and self._failure is None:
            self._failure = public(error)
        told(error)

    def _break(self, error: BaseException) -> NoReturn:
        """What is in memory may be ahead of the file: nothing is to be done with it any more."""
        shown = public(error)
        if self._failure is None:
            place = self._loop.place
            self._failure = shown or Error(f"a change of {place} was broken off ({error!r}): open it again")
        self._condition.notify_all()
        told(error)


_TURNERS: WeakSet[Turner] = WeakSet()


def _after_fork() -> None:
    for turner in list(_TURNERS):
        turner.disown()


os.register_at_fork(after_in_child=_after_fork)
