"""Who the members are, slot by slot.

A list of members decided in slot s holds from slot s + window on: the alpha of *The Part-Time Parliament* and
of *Paxos Made Simple* (section 3). So the members of every slot are known before anybody may propose in it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    Since = tuple[int, tuple[int, ...]]


class Membership:
    """All lists of members so far, as (slot from which it holds, members) in the order of slots.

    ``known``: every server that was ever a member, in the order in which they came.
    """

    def __init__(self, lists: Iterable[tuple[int, Sequence[int]]], known: Iterable[int] = ()) -> None:
        self.lists: list[Since] = []
        self.known: dict[int, None] = dict.fromkeys(known)
        for since, members in lists:
            self.add(since, members)

    def add(self, since: int, members: Sequence[int]) -> None:
        """From slot ``since`` on these are the members."""
        self.lists.append((since, tuple(sorted(members))))
        self.known.update(dict.fromkeys(self.lists[-1][1]))

    def of(self, slot: int) -> tuple[int, ...]:
        """Return the members of a slot, by id; what is decided below it by a window has to be known."""
        for since, members in reversed(self.lists):
            if since <= slot:
                return members
        return ()

    @property
    def last(self) -> Since:
        """The list that holds in the end."""
        return self.lists[-1] if self.lists else (0, ())

    def concerned(self, first: int) -> list[int]:
        """Return the members of all lists that are in force at slot ``first``, or to come, by id."""
        since, members = self.last
        if since <= first:
            return list(members)  # as it is nearly always
        lists = [self.of(first), *(members for since, members in self.lists if since > first)]
        return sorted({member for members in lists for member in members})

    def drop_below(self, slot: int) -> None:
        """Forget lists that hold for slots below only."""
        while len(self.lists) > 1 and self.lists[1][0] <= slot:
            self.lists.pop(0)


def is_majority(those: Collection[int], members: Sequence[int]) -> bool:
    """Whether they are more than half of the members. Who is none does not count, and nobody counts
    twice."""
    count = 0
    for member in members:
        if member in those:
            count += 1
    return 2 * count > len(members)
