"""A connection between two nodes."""

from __future__ import annotations


class Link:
    """One connection between two nodes, from the moment that it is made until it is cut."""

    __slots__ = ("ends", "is_up")

    def __init__(self, a: int, b: int) -> None:
        self.ends = (a, b)
        self.is_up = True
