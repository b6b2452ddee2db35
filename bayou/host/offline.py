"""A server that lasts, while it does not run: its file is opened, it carries out orders, and nobody is
connected."""

from __future__ import annotations

from time import monotonic, time

from bayou.core.errors import BayouError
from bayou.host.driver import Driver
from bayou.host.filehome import FileHome
from bayou.machine.effects import Ordered, Tick
from bayou.machine.messages import Failed, Message
from bayou.node.settings import Keep, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.functions import Functions
    from bayou.core.replica import Replica
    from bayou.machine.effects import Effects, Input
    from bayou.machine.records import Durable


class Offline:
    """The machine in a file, and the Place of its driver. To be closed.

    ``home``: the file. Whether the server was ended in good order the last time stays as it was.
    """

    def __init__(self, path: str, *, moved: bool = False, functions: str = "") -> None:
        """Open the file; see ReplicaFile for ``moved`` and for errors. BayouError where no server has become
        of it yet. ``functions``: the path of a file with those that its writes call, where they do."""
        self.home = FileHome(path, moved=moved)
        try:
            settings = Settings(wall_offset_s=time() - monotonic(), keep=Keep())
            self._machine = self.home.server(settings, monotonic(), _functions(functions))
            if not self._machine.is_member:
                raise BayouError(f"{path} is of a server that is no member of its cluster yet")
            self._driver = Driver(self._machine, self)
        except BaseException:
            self.home.close(is_clean=self.home.was_clean)
            raise
        self._answers: list[Message] = []

    @property
    def replica(self) -> Replica:
        """Its replica, for reading."""
        return self._machine.replica

    def ask(self, order: Message) -> Message:
        """Let it carry out an order, and return the answer once all of it is durable. BayouError where it
        can't."""
        self._step(Ordered(1, order))
        (answer,) = self._answers
        self._answers.clear()
        if isinstance(answer, Failed):
            raise BayouError(answer.why)
        wake_at = self._machine.wake_at
        if wake_at is not None and wake_at <= monotonic():
            self._step(Tick())  # much may have come that is to be folded
        return answer

    def _step(self, given: Input) -> None:
        self._driver.step(monotonic(), given)
        while self._driver.has_pending:
            self._driver.settle()

    def close(self) -> None:
        """Let go of the file."""
        self.home.close(is_clean=self.home.was_clean)

    def __enter__(self) -> Offline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The Place of the driver.

    def make_durable(self, records: list[Durable]) -> None:
        self.home.keep(records)

    def witness(self, given: Input, effects: Effects) -> None:
        """Nobody looks."""

    def send(self, peer: int, message: Message) -> None:
        """Nobody is connected."""

    def answer(self, number: int, message: Message) -> None:
        self._answers.append(message)

    def drop(self, peer: int, why: str) -> None:
        """Nobody is connected."""

    def leave(self) -> None:
        """It has nobody to hand over to, and never leaves."""

    def crash(self) -> None:
        """No server of the store fails on purpose."""


def _functions(path: str) -> Functions | None:
    if not path:
        return None
    from bayou.host.functions import functions_of, load  # seldom needed

    return functions_of(load(path))
