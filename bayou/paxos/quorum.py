"""Who takes part, and how many of them are enough."""

from __future__ import annotations

from bayou.core.errors import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def distinct(ids: Iterable[int], what: str) -> tuple[int, ...]:
    """Return ids as they are; Misuse where there are none, or one stands there twice, which would be counted
    twice in a majority. ``what`` they are called."""
    members = tuple(ids)
    if not members or len(dict.fromkeys(members)) < len(members):
        raise Misuse(f"{what} are one id or more, each of them once, not {members}")
    return members


def majority(members: Sequence[int]) -> int:
    """Return how many members are more than half of them all, dead ones included: any two majorities have a
    member in common, on which all of Paxos rests."""
    return len(members) // 2 + 1
