"""What a server does that was not ended in good order: it may have forgotten something, and others may know.

It accepts no client's write and commits nothing before it has heard where another server stands, or a while
has passed without a connection to any. What comes meanwhile waits; it is not refused.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.messages import Message

ALONE_S = 1.0
"""How long it waits for others, where there is no connection."""

HELD_MAX = 1024
"""How many messages may wait; whoever sent more sends them again."""


class Doubt:
    """``is_on``: whether it lasts."""

    def __init__(self, now: float, *, is_on: bool) -> None:
        self.is_on = is_on
        self._alone_since = now
        self._held: list[tuple[int, Message]] = []

    def hold(self, peer: int, message: Message) -> None:
        """Let a message of a peer wait."""
        if len(self._held) < HELD_MAX:
            self._held.append((peer, message))

    def is_alone(self, now: float, *, has_company: bool) -> bool:
        """Whether there has been no connection to another server for so long that there is none to wait
        for."""
        if has_company:
            self._alone_since = now
        return now - self._alone_since >= ALONE_S

    @property
    def due(self) -> float | None:
        """When to look whether it is alone."""
        return self._alone_since + ALONE_S if self.is_on else None

    def end(self) -> list[tuple[int, Message]]:
        """It is over; return what has waited."""
        self.is_on = False
        held, self._held = self._held, []
        return held
