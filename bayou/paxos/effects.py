"""What one input of a consensus node brings about."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.machine.messages import Message
    from bayou.machine.records import Durable


class Effects:
    """To be carried out in this order:

    1. ``durable``: records, all of which are on disk before the first message leaves;
    2. ``sends``: (node, message) pairs, in this order;
    3. ``answers``: what whoever drives the node wants to know.
    """

    __slots__ = ("answers", "durable", "sends")

    def __init__(self) -> None:
        self.durable: list[Durable] = []
        self.sends: list[tuple[int, Message]] = []
        self.answers: list[Any] = []

    def __repr__(self) -> str:
        return f"Effects(durable={self.durable!r}, sends={self.sends!r}, answers={self.answers!r})"
