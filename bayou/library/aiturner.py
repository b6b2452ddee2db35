"""Who turns a loop within asyncio: the event loop of the program, in its own thread.

The descriptor of the network (one for all its sockets) is watched by the event loop, and a timer does what is
due. There are no threads: what is made durable is so within the event loop, which waits for the disk
meanwhile, as a server's loop does. Writes that tasks begin in one turn of the event loop share one
transaction.
"""

from __future__ import annotations

import asyncio
import os
from time import monotonic

from bayou.library.errors import Error, public, told
from bayou.library.turner import BLIND_S
from bayou.storage.store import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    from bayou.library.opening import Waiting
    from bayou.library.turner import Loop

    Made = TypeVar("Made")


class Waiter:
    """What somebody waits for."""

    __slots__ = ("done", "future")

    def __init__(self, done: Callable[[], bool], future: asyncio.Future[bool]) -> None:
        self.done = done
        self.future = future


class LoopTurner:
    """Turns one loop for the tasks of one event loop, that in which it was made."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.events = asyncio.get_running_loop()
        self._process = os.getpid()
        self._failure: Error | None = None
        self._is_closed = False
        self._is_turning = False
        self._waiters: dict[Waiter, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._fd = loop.network.fileno()
        if self._fd is not None:
            self.events.add_reader(self._fd, self._turn)
        self._plan()

    def act(self, does: Callable[[], Made]) -> Made:
        """Let ``does`` do something with the loop; where it fails nothing can be done with that any more."""
        self.check()
        try:
            made = does()
        except BaseException as error:
            self.fail(error)
        self._after()
        return made

    def look(self, does: Callable[[], Made]) -> Made:
        """Return what ``does`` finds; it may change nothing."""
        self.check()
        try:
            return does()
        except StorageError as error:
            self.fail(error)
        except Exception as error:
            told(error)

    async def wait(self, done: Callable[[], bool], until: float | None = None) -> bool:
        """Wait until ``done`` is true, or until then (monotonic); return whether it is."""
        self.check()
        if self.look(done):
            return True
        waiter = Waiter(done, self.events.create_future())
        self._waiters[waiter] = None
        self._plan()
        timer = None
        if until is not None:
            timer = self.events.call_later(max(0.0, until - monotonic()), _expire, waiter.future)
        try:
            return await waiter.future
        finally:
            self._waiters.pop(waiter, None)
            if timer is not None:
                timer.cancel()

    async def run(self, plan: Waiting[Made]) -> Made:
        """Carry out what waits again and again: between its waits it has the loop to itself."""
        self.check()
        has_come: bool | None = None
        try:
            while True:
                done, until = plan.send(has_come)  # type: ignore[arg-type]  # None begins it
                self._after()
                has_come = await self.wait(done, until)
        except StopIteration as over:
            return over.value  # type: ignore[no-any-return]
        except (Error, asyncio.CancelledError):
            raise
        except BaseException as error:
            self.fail(error)
        finally:
            plan.close()
            if not self._is_closed and self._failure is None:
                self._after()

    def check(self) -> None:
        """Raise Error where nothing can be done any more."""
        if os.getpid() != self._process:
            raise Error(f"{self._loop.place} was opened by process {self._process}: open it here anew")
        if self._failure is not None:
            raise type(self._failure)(str(self._failure)) from self._failure
        if self._is_closed:
            raise Error(f"{self._loop.place} is closed: open it again")

    def fail(self, error: BaseException) -> NoReturn:
        """Let nothing more be done, and tell why."""
        self._note(error)
        told(error)

    def close(self) -> None:
        """Let go of everything; may be called twice. Who waits gets an Error."""
        if self._is_closed or os.getpid() != self._process:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._fd is not None and not self.events.is_closed():
            self.events.remove_reader(self._fd)
        self._give_up(Error(f"{self._loop.place} was closed meanwhile"))
        self._loop.close(is_clean=self._failure is None)

    @property
    def is_over(self) -> bool:
        """Whether it can't be used any more."""
        return self._is_closed or self._failure is not None or self.events.is_closed()

    # How it works.

    def _turn(self) -> None:
        """Something has come in, or is due."""
        if self._is_closed or self._failure is not None:
            return
        try:
            self._loop.turn(0.0)
        except BaseException as error:
            self._note(error)
            if public(error) is None:
                raise
            return
        self._after()

    def _after(self) -> None:
        """Something has happened: tell those who wait for it, and plan what is next."""
        for waiter in list(self._waiters):
            if waiter.future.done():
                continue
            try:
                is_done = waiter.done()
            except Exception as error:
                waiter.future.set_exception(public(error) or error)
            else:
                if is_done:
                    waiter.future.set_result(True)
        self._plan()

    def _plan(self) -> None:
        """Turn the loop again when that is due."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_closed and self._failure is None:
            rest_s = self._loop.rest_s()
            rest_s = min(rest_s, BLIND_S) if self._fd is None else rest_s
            self._timer = self.events.call_later(rest_s, self._turn)

    def _note(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = public(error) or Error(
                f"a change of {self._loop.place} was broken off ({error!r}): open it again"
            )
        self._give_up(self._failure)

    def _give_up(self, error: Error) -> None:
        for waiter in list(self._waiters):
            if not waiter.future.done():
                waiter.future.set_exception(error)


def _expire(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
