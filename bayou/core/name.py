"""Server names (Petersen '97, "Light-weight server creation and retirement"): who created a server, and
when, all the way up to the first one."""

from __future__ import annotations

from _weakref import ref  # all that ``weakref`` would add here is its import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    ServerNames = tuple["Name", ...]


class Name:
    """The name of a server: the stamp of its creation write, then its creator's own name.

    ``stamps`` lists it flat: own creation stamp first, then the creator's, and so on; the first server,
    whose name is ``ROOT``, has none. A name holds its own stamp and shares the rest with its creator's
    name, so that a chain of servers, each created by the one before, costs a step each however deep it
    is. Names are interned, so that equality and hashing are by identity and cost the same at any depth.
    They are ordered by stamp, then by the creator's name, the root first, as the flat tuples would be.

    >>> a = ROOT.child(3)
    >>> a.child(5).stamps
    (5, 3)
    >>> a.child(5) is Name.of((5, 3)), a.child(5).creator is a
    (True, True)
    >>> sorted([a.child(5), ROOT.child(5), a, ROOT])
    [<>, <3>, <5>, <5,3>]
    """

    __slots__ = ("__weakref__", "_creator", "_stamp", "depth")

    _stamp: int
    _creator: Name | None
    depth: int
    """How many ancestors it has."""

    @staticmethod
    def of(stamps: tuple[int, ...]) -> Name:
        """Return the one name with these stamps, own stamp first."""
        name = ROOT
        for stamp in reversed(stamps):
            name = name.child(stamp)
        return name

    @staticmethod
    def known(stamps: tuple[int, ...]) -> Name | None:
        """Return the name with these stamps if there is one at present."""
        name = ROOT
        for stamp in reversed(stamps):
            reference = _interned.get((name, stamp))
            found = None if reference is None else reference()
            if found is None:
                return None
            name = found
        return name

    def __init__(self) -> None:
        raise TypeError("names are interned: use Name.of(stamps)")

    def child(self, stamp: int) -> Name:
        """Return the name of the server whose creation write this one accepted with ``stamp``."""
        key = self, stamp
        reference = _interned.get(key)
        name = None if reference is None else reference()
        if name is None:
            name = object.__new__(Name)
            name._stamp = stamp
            name._creator = self
            name.depth = self.depth + 1
            reference = _interned[key] = _Interned(name, _forget)
            reference.key = key
        return name

    @property
    def stamps(self) -> tuple[int, ...]:
        """All stamps, own stamp first. They are put together each time, which takes a step for each."""
        stamps: list[int] = []
        name = self
        while name._creator is not None:
            stamps.append(name._stamp)
            name = name._creator
        return tuple(stamps)

    @property
    def stamp(self) -> int:
        """The stamp of the creation write; IndexError for the root, which has none."""
        if self._creator is None:
            raise IndexError("the first server has no creation stamp")
        return self._stamp

    @property
    def creator(self) -> Name:
        """The name of the server that accepted the creation write; IndexError for the root."""
        if self._creator is None:
            raise IndexError("the first server has no creator")
        return self._creator

    def ancestors(self) -> list[Name]:
        """Return the creator, its creator, and so on up to the root."""
        found: list[Name] = []
        name = self._creator
        while name is not None:
            found.append(name)
            name = name._creator
        return found

    def __lt__(self, other: Name) -> bool:
        a, b = self, other
        while a is not b:
            if a._creator is None or b._creator is None:
                return a._creator is None
            if a._stamp != b._stamp:
                return a._stamp < b._stamp
            a, b = a._creator, b._creator
        return False

    def __le__(self, other: Name) -> bool:
        return not other < self

    def __gt__(self, other: Name) -> bool:
        return other < self

    def __ge__(self, other: Name) -> bool:
        return not self < other

    def __deepcopy__(self, memo: object) -> Name:
        return self

    def __reduce__(self) -> tuple[object, tuple[tuple[int, ...]]]:
        return Name.of, (self.stamps,)

    def __repr__(self) -> str:
        return f"<{','.join(map(str, self.stamps))}>"


def commits(group: ServerNames) -> str:
    """Return who commits, as people are told: the primary, or all members of a commit group.

    >>> commits((ROOT,)), commits((ROOT, Name.of((5, 3))))
    ('<>', '<> <5,3>')
    """
    return " ".join(map(repr, group))


class _Interned(ref[Name]):
    """A weak reference to a name: a name is forgotten when nobody holds it any more."""

    __slots__ = ("key",)

    key: tuple[Name, int]


def _forget(gone: ref[Name]) -> None:
    if isinstance(gone, _Interned) and _interned.get(gone.key) is gone:
        del _interned[gone.key]


_interned: dict[tuple[Name, int], _Interned] = {}
"""Every name but the root, by its creator and its own stamp."""

ROOT = object.__new__(Name)
ROOT._stamp = 0
ROOT._creator = None
ROOT.depth = 0
