"""Whom a Network tells what happens on its sockets."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.machine.messages import Message
    from bayou.wire.connection import Introduce

    class Owner(Protocol):
        """Whom a Network tells what happens on its sockets."""

        def linked(self, peer: Introduce) -> None:
            """A connection to that node is up, perhaps in place of an older one that was taken down."""

        def unlinked(self, peer: int) -> None:
            """The connection to that node is down."""

        def received(self, peer: int, message: Message) -> None:
            """That node has sent this."""

        def dialled(self, number: int, failure: str | None) -> None:
            """The connection that ``dial`` was asked for with that number is up, or failed and why."""

        def relieved(self) -> None:
            """Much went over some connection, and that is over."""

        def complain(self, sort: str, line: str) -> None:
            """Something was off that a person might want to know of; ``sort`` is whom it is about."""
