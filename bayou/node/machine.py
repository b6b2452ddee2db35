"""What every machine is, whatever it does: a state that takes one input at a time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Protocol

    from bayou.core.name import Name
    from bayou.node.effects import Effects, Input
    from bayou.node.messages import Links

    class Machine(Protocol):
        """A server, a client, or what else runs at an address.

        - ``id``: its address; ``kind``: what it is called when a person is told of it;
        - ``is_server``, ``name``: what its peers are told of it when they are connected;
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
        kind: str
        is_server: bool
        UNCOMPARED: ClassVar[tuple[str, ...]]
        TAGS: ClassVar[tuple[str, ...]]

        @property
        def name(self) -> Name | None: ...
        @property
        def wake_at(self) -> float | None: ...

        def step(self, now: float, given: Input) -> Effects:
            """Process one input at time ``now`` (seconds, never going back); return what it brings about."""

        def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
            """Tell how it is connected: ``peers`` are at the other ends of its connections, to those in
            ``dialling`` connections are being made."""

        def check(self) -> None:
            """Raise InvariantBroken where its state contradicts itself."""
