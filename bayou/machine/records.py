"""What a machine has to know again after a crash.

A step's records are one list, made durable in one batch. A machine that is restored takes them in the
order in which they became durable; of those with the same ``key`` only the last one counts.
"""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Protocol

    class Durable(Protocol):
        """A record, as those see it that keep it."""

        @property
        def key(self) -> tuple[str, object] | None:
            """What it is about: a later one about the same takes its place. None where none ever does."""


class Fact(Record):
    """Base of the facts. ``begins_anew``: of what was durable before it nothing is needed any more."""

    TAGS: ClassVar[tuple[str, ...]] = ("token",)
    begins_anew: ClassVar[bool] = False

    @property
    def key(self) -> tuple[str, object] | None:
        """What it is about: a later fact about the same takes its place."""
        return type(self).__name__, None
