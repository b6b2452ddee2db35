"""Finds out where hosts are, by their names, without keeping a loop from turning."""

from __future__ import annotations

import os

from bayou.net.address import in_numbers, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue

    from bayou.net.address import Address
    from bayou.net.network import Network

    Found = Callable[[Address | str], None]


class Resolver:
    """Looks names up one after another: in a thread of its own, which begins with the first name that is none
    in numbers, or at once where no thread is wanted, which may take seconds."""

    def __init__(self, network: Network, *, has_thread: bool = True) -> None:
        self._network = network
        self._has_thread = has_thread
        self._asked: SimpleQueue[tuple[Address, Found] | None] | None = None
        self._found: list[tuple[Found, Address | str]] = []
        self._heard = self._rung = -1

    def find(self, address: Address, found: Found) -> None:
        """Call ``found`` with the address in numbers, or with why nobody knows it, soon or at once."""
        if in_numbers(address):
            found(address)
        elif not self._has_thread:
            found(_look(address))
        else:
            self._begin().put((address, found))

    def close(self) -> None:
        """End the thread, which may still take seconds that nobody waits for."""
        if self._asked is not None:
            self._network.unwatch(self._heard)
            self._asked.put(None)
            self._asked = None
            os.close(self._heard)

    def _begin(self) -> SimpleQueue[tuple[Address, Found] | None]:
        if self._asked is None:
            from queue import SimpleQueue  # seldom needed, as addresses are mostly in numbers
            from threading import Thread

            self._asked = SimpleQueue()
            self._heard, self._rung = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            self._network.watch(self._heard, self._hear)
            Thread(target=_answer, args=(self._asked, self._found, self._rung), daemon=True).start()
        return self._asked

    def _hear(self) -> None:
        os.read(self._heard, 64)
        while self._found:
            found, address = self._found.pop(0)
            found(address)


def _answer(
    asked: SimpleQueue[tuple[Address, Found] | None], answers: list[tuple[Found, Address | str]], rung: int
) -> None:
    while (question := asked.get()) is not None:
        answers.append((question[1], _look(question[0])))
        try:
            os.write(rung, b"!")
        except OSError:  # nobody listens any more, or there is much to hear already
            pass
    os.close(rung)


def _look(address: Address) -> Address | str:
    try:
        return look_up(*address)
    except (OSError, UnicodeError) as error:  # UnicodeError: a text that can't be in any name
        why = error.strerror if isinstance(error, OSError) else str(error)
        return f"nobody knows the host {address[0]!r:.80}: {why}"
