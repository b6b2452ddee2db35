"""Writes: what a server accepts, orders and passes on."""

from __future__ import annotations

from bayou.core.name import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from bayou.core.values import Value

    class _Fields(NamedTuple):
        stamp: int
        server: Name
        kind: int
        collection: str
        key: str
        value: Value | Name | None
else:
    from _collections import _tuplegetter  # the C half: see docs/decisions/0002-start-time.md

    _new = tuple.__new__

    class _Fields(tuple):
        """What NamedTuple makes of the fields, without the import of collections."""

        __slots__ = ()
        _fields = ("stamp", "server", "kind", "collection", "key", "value")

        def __new__(cls, stamp, server, kind, collection, key, value):
            return _new(cls, (stamp, server, kind, collection, key, value))

        def __getnewargs__(self):
            return tuple(self)

        def _replace(self, **changed):
            made = type(self)(
                *(changed.pop(name, value) for name, value in zip(self._fields, self, strict=True))
            )
            if changed:
                raise TypeError(f"a write has no {', '.join(changed)}")
            return made

    for _at, _name in enumerate(_Fields._fields):
        setattr(_Fields, _name, _tuplegetter(_at, _name))

# The numbers of kinds are for good: on the wire, in journals and in traces they are the same.
PUT = 0
DELETE = 1
CREATION = 2
RETIREMENT = 3
NOTICE = 4
"""Not a write of its own: stands in an exchange for a write that the receiver has, now committed."""

CHANGE = 5
"""A general write: its body says what it expects of rows, and what it does (bayou.core.body)."""

GROUP = 6
"""A group write: its value says which servers commit from then on (bayou.core.group)."""

KIND_NAMES = ("put", "delete", "creation", "retirement", "notice", "change", "group")


class Write(_Fields):
    """One write, identified by ``(stamp, server)`` and ordered by it (Petersen '97, accept order).

    Being tuples, writes compare in C: by stamp, then by server name. Fields:

    - ``stamp``: the accept stamp, a positive integer;
    - ``server``: the name of the server that accepted it;
    - ``kind``: PUT, DELETE, CHANGE, CREATION, RETIREMENT or GROUP (or NOTICE, see there);
    - ``collection``, ``key``: the row put or deleted, otherwise empty;
    - ``value``: the value of a put, in canonical form (bayou.core.values); the text of a change's body, or
      of a group; of a primary's retirement, the heir to its duty; otherwise None.
    """

    __slots__ = ()

    @property
    def created(self) -> Name:
        """The name of the server that this creation write makes."""
        return self.server.child(self.stamp)

    @property
    def heir(self) -> Name | None:
        """Who becomes the primary by this retirement write, or None where its server was not the primary."""
        return self.value if isinstance(self.value, Name) else None

    @property
    def place(self) -> tuple[int, Name]:
        """Where it stands in accept order; no other write stands there."""
        return self[:2]

    def version(self, collection: str, key: str, value: Value | None) -> Write:
        """Return what this general write makes of a row, as a put or delete in its place."""
        return Write(self.stamp, self.server, DELETE if value is None else PUT, collection, key, value)

    def notice(self) -> Write:
        """Return the commit notice that stands for this write where the receiver has it already."""
        return Write(self.stamp, self.server, NOTICE, "", "", None)

    def __repr__(self) -> str:
        words = (self.stamp, self.server, KIND_NAMES[self.kind], self.collection, self.key, self.value)
        return f"({' '.join(str(word) for word in words if word not in ('', None))})"
