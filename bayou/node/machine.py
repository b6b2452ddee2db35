"""What every machine is, whatever it does: a state that takes one input at a time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.node.effects import Effects, Input
    from bayou.node.messages import Links, Message

    class Machine(Protocol):
        """A server, a client, or what else runs at an address.

        - ``id``: its address; ``kind``: what it is called when a person is told of it;
        - ``is_server``: whether others connect to it, so that it listens; peers that say so are let have more
          that they have not read yet (bayou.net.pressure), as servers tell each other much;
        - ``hello``: what its peers are told of it when they are connected, a message of its own, which comes
          with their LinkUp; the same object for as long as it says the same;
        - ``wake_at``: when it wants a Tick, at the latest (in seconds, None for never).
        """

        id: int
        kind: str
        is_server: bool

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
