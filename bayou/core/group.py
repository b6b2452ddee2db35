"""The commit group: the servers that together are the primary.

A majority of them decides what is committed next, so that the system goes on while fewer than half are down.
A group of one is the primary as the papers have it, and every system begins with one: the first server.

Who is in the group follows from the committed prefix alone: a **group write** names the members, and counts
where ``since`` is the **epoch** in which it is committed, the CSN of the write that made the group before it.
So of two changes that were made behind each other's back the one committed first counts, and the other does
nothing. A primary's retirement that names its heir makes a group too, of that heir alone.
"""

from __future__ import annotations

from itertools import pairwise

from bayou._record import Record
from bayou.core.name import ROOT, Name
from bayou.core.vector import STAMP_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MEMBERS_MAX = 64
TEXT_MAX = 1 << 16
ROOT_TEXT = "-"
KEPT = 16
"""How many texts are remembered with what they stand for."""

_DIGITS_MAX = len(str(STAMP_MAX))
_known: dict[str, Group] = {}


class BadGroup(ValueError):
    """A text that stands for no group; the message says why."""


class Group(Record):
    """What a group write says: the epoch in which it was made, and the members, in the order of names."""

    since: int
    members: tuple[Name, ...]

    @property
    def text(self) -> str:
        """This group as one text, which is the value of its write: the epoch, then each member's stamps, own
        stamp first.

        >>> Group(7, (ROOT, Name.of((5, 3)))).text
        '7 - 5.3'
        """
        return " ".join([str(self.since), *map(_name_text, self.members)])


def majority(members: int) -> int:
    """Return how many of so many members decide: more than half."""
    return members // 2 + 1


def sorted_members(members: Iterable[Name]) -> tuple[Name, ...]:
    """Return members as a group holds them. BadGroup where there are none or too many, or one comes twice."""
    found = tuple(sorted(members))
    if not found:
        raise BadGroup("a group without members")
    if len(found) > MEMBERS_MAX:
        raise BadGroup(f"a group of {len(found)}; {MEMBERS_MAX} are the limit")
    for one, other in pairwise(found):
        if one is other:
            raise BadGroup(f"{one} is named twice in a group")
    return found


def group_of(text: str) -> Group:
    """Return the group that a text stands for; BadGroup where it stands for none, or not in that form."""
    found = _known.get(text)
    if found is None:
        found = _parsed(text)
        if found.text != text:
            raise BadGroup("a group that is not written as it should be")
        if len(_known) >= KEPT:
            _known.clear()
        _known[text] = found
    return found


def _parsed(text: str) -> Group:
    if len(text) > TEXT_MAX:
        raise BadGroup(f"a group of {len(text)} characters; {TEXT_MAX} are the limit")
    since, *names = text.split(" ")
    if len(names) > MEMBERS_MAX:
        raise BadGroup(f"a group of {len(names)}; {MEMBERS_MAX} are the limit")
    return Group(_number(since, 0), sorted_members(map(_name_of, names)))


def _name_text(name: Name) -> str:
    return ROOT_TEXT if name is ROOT else ".".join(map(str, name.stamps))


def _name_of(text: str) -> Name:
    if text == ROOT_TEXT:
        return ROOT
    stamps = tuple([_number(part, 1) for part in text.split(".")])
    for stamp, creation in pairwise(stamps):
        if stamp <= creation:
            raise BadGroup(f"{text:.40} is no name: a server creates others after it was created itself")
    return Name.of(stamps)


def _number(text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > _DIGITS_MAX:
        raise BadGroup(f"{text:.40} where a number is due")
    number = int(text)
    if not least <= number <= STAMP_MAX:
        raise BadGroup(f"{text:.40} is out of range")
    return number
