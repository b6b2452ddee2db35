"""What every machine is, whatever it does: a state that takes one input at a time."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, ClassVar, Protocol

    from bayou.machine.effects import Effects, Input
    from bayou.machine.messages import Links, Message
    from bayou.machine.records import Durable

    Event = dict[str, Any]

    class Randomness(Protocol):
        """The one method of random.Random that nodes draw from."""

        def getrandbits(self, k: int, /) -> int: ...

    class Machine(Protocol):
        """A server, a client, or what else runs at an address.

        - ``id``: its address;
        - ``is_server``: whether others connect to it, so that it listens; peers that say so are let have more
          that they have not read yet (bayou.net.pressure), as servers tell each other much;
        - ``hello``: what its peers are told of it when they are connected, a message of its own, which comes
          with their LinkUp; the same object for as long as it says the same;
        - ``wake_at``: when it wants a Tick, at the latest (in seconds, None for never).

        Whoever compares states of a machine (bayou.explore.exhaustive) goes through all of its attributes,
        those of the objects that it holds, and so on. Each class on that way says of its own attributes:

        - ``UNCOMPARED``: those that are no state, because what the machine does never depends on them, or
          only in time: what it was made with, ways back to the objects that hold it, what it can work out
          again, when it wants to be woken, counters of turns;
        - ``TAGS``: those that are numbers drawn to tell one thing from another (serials, tokens), or
          dicts with such numbers as keys: which numbers they are makes no difference.

        An attribute that is in neither is compared as it is; a class that says nothing has neither.
        """

        id: int
        is_server: bool
        UNCOMPARED: ClassVar[tuple[str, ...]]
        TAGS: ClassVar[tuple[str, ...]]

        @property
        def hello(self) -> Message | None: ...
        @property
        def wake_at(self) -> float | None: ...

        def step(self, now: float, given: Input) -> Effects:
            """Process one input at time ``now`` (seconds, never going back); return what it brings about."""

        def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
            """Tell how it is connected: ``peers`` are at the other ends of its connections, to those in
            ``dialling`` connections are being made."""

        def check(self) -> None:
            """Raise InvariantBroken where its state contradicts itself."""

    class Keeping(Protocol):
        """What makes bytes of records, and reads them back (bayou.wire.keeping)."""

        def pack(self, records: Iterable[Any]) -> bytes: ...
        def unpack(self, batch: bytes) -> list[Any]: ...
        def restore(self, batches: Iterable[bytes]) -> Iterator[Any]: ...

    class Kept(Protocol):
        """A machine that is kept in a file of its own, and keeps what it makes durable there."""

        @property
        def machine(self) -> Machine: ...
        def keep(self, records: list[Any]) -> None:
            """Make records durable, in one go."""

        def close(self, *, has_left: bool) -> None:
            """Let go of the file; ``has_left``: the machine has ended for good."""

    class Machines(Protocol):
        """A module that makes machines of one family, for the worlds that drive them.

        One may also have ``open_kept(address, what, around) -> Kept | None``, for machines that are kept in
        files of their own.
        """

        def keeping(self) -> Keeping:
            """Return what makes bytes for a journal of their records, and reads them back."""

        def make(self, address: int, what: Message, around: Surroundings) -> Machine:
            """Return a new machine, as ``what`` says."""

        def restore(
            self, address: int, what: Message, around: Surroundings, records: Iterable[Durable]
        ) -> Machine:
            """Return the machine again that made these records durable, in this order, before a crash."""

        def events_of(self, what: Message, address: int, given: Input, effects: Effects) -> list[Event]:
            """Return what a step of such a machine amounts to, as events of a trace."""


class Surroundings(Record):
    """What a machine is given when it is made: randomness, the time (in seconds, as of its steps), and what
    to add to that to get the time of the wall clock."""

    rng: Randomness
    now: float
    wall_offset_s: float
