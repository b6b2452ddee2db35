"""Server names (Petersen '97, "Light-weight server creation and retirement"): who created a server, and
when, all the way up to the first one."""

from __future__ import annotations

from _weakref import ref  # all that ``weakref`` would add here is its import time


class Name:
    """The name of a server: the stamp of its creation write, then its creator's own name.

    Held flat as ``stamps``: own creation stamp first, then the creator's, and so on; the first server,
    whose name is ``ROOT``, has none. Names are interned, so that equality and hashing are by identity
    and cost the same at any depth. They are ordered by stamp, then by the creator's name, the root
    first, which is how the flat tuples compare.

    >>> a = ROOT.child(3)
    >>> a.child(5).stamps
    (5, 3)
    >>> a.child(5) is Name.of((5, 3)), a.child(5).creator is a
    (True, True)
    >>> sorted([a.child(5), ROOT.child(5), a, ROOT])
    [<>, <3>, <5>, <5,3>]
    """

    __slots__ = ("__weakref__", "_creator", "stamps")

    stamps: tuple[int, ...]
    _creator: Name | None

    @staticmethod
    def of(stamps: tuple[int, ...]) -> Name:
        """Return the one name with these stamps, own stamp first."""
        name = Name.known(stamps)
        if name is None:
            name = object.__new__(Name)
            name.stamps = stamps
            name._creator = None
            _interned[stamps] = _Interned(name, _forget)
            _interned[stamps].stamps = stamps
        return name

    @staticmethod
    def known(stamps: tuple[int, ...]) -> Name | None:
        """Return the name with these stamps if there is one at present."""
        reference = _interned.get(stamps)
        return None if reference is None else reference()

    def __init__(self) -> None:
        raise TypeError("names are interned: use Name.of(stamps)")

    def child(self, stamp: int) -> Name:
        """Return the name of the server whose creation write this one accepted with ``stamp``."""
        return Name.of((stamp, *self.stamps))

    @property
    def stamp(self) -> int:
        """The stamp of the creation write; IndexError for the root, which has none."""
        return self.stamps[0]

    @property
    def creator(self) -> Name:
        """The name of the server that accepted the creation write; IndexError for the root."""
        if self._creator is None:
            if not self.stamps:
                raise IndexError("the first server has no creator")
            self._creator = Name.of(self.stamps[1:])
        return self._creator

    def ancestors(self) -> list[Name]:
        """Return the creator, its creator, and so on up to the root."""
        found: list[Name] = []
        name = self
        while name.stamps:
            name = name.creator
            found.append(name)
        return found

    def __lt__(self, other: Name) -> bool:
        return self.stamps < other.stamps

    def __le__(self, other: Name) -> bool:
        return self.stamps <= other.stamps

    def __gt__(self, other: Name) -> bool:
        return self.stamps > other.stamps

    def __ge__(self, other: Name) -> bool:
        return self.stamps >= other.stamps

    def __deepcopy__(self, memo: object) -> Name:
        return self

    def __reduce__(self) -> tuple[object, tuple[tuple[int, ...]]]:
        return Name.of, (self.stamps,)

    def __repr__(self) -> str:
        return f"<{','.join(map(str, self.stamps))}>"


class _Interned(ref[Name]):
    """A weak reference to a name, so that names are forgotten with the last log that holds them."""

    __slots__ = ("stamps",)

    stamps: tuple[int, ...]


def _forget(gone: ref[Name]) -> None:
    if isinstance(gone, _Interned) and _interned.get(gone.stamps) is gone:
        del _interned[gone.stamps]


_interned: dict[tuple[int, ...], _Interned] = {}

ROOT = Name.of(())
