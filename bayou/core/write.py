"""Writes: what a server accepts, orders and passes on."""

from __future__ import annotations

from collections import namedtuple

from bayou.core.name import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class _Fields(NamedTuple):
        stamp: int
        server: Name
        kind: int
        song: str
        value: str | Name | None
else:
    _Fields = namedtuple("_Fields", "stamp server kind song value")

PUT = 0
DELETE = 1
CREATION = 2
RETIREMENT = 3
NOTICE = 4
"""Not a write of its own: stands in an exchange for a write that the receiver has, now committed."""

SONG_BYTES_MAX = 1024
URL_BYTES_MAX = 1 << 20
"""How long a song and a URL may be, in UTF-8; bytes that are no UTF-8 count as they are."""

KIND_NAMES = ("put", "delete", "creation", "retirement", "notice")


class Write(_Fields):
    """One write, identified by ``(stamp, server)`` and ordered by it (Petersen '97, accept order).

    Being tuples, writes compare in C: by stamp, then by server name. Fields:

    - ``stamp``: the accept stamp, a positive integer;
    - ``server``: the name of the server that accepted it;
    - ``kind``: PUT, DELETE, CREATION or RETIREMENT (or NOTICE, see there);
    - ``song``: the song put or deleted, otherwise empty;
    - ``value``: the URL of a put; of a primary's retirement, the heir to its duty; otherwise None.
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

    def notice(self) -> Write:
        """Return the commit notice that stands for this write where the receiver has it already."""
        return Write(self.stamp, self.server, NOTICE, "", None)

    def __repr__(self) -> str:
        words = (self.stamp, self.server, KIND_NAMES[self.kind], self.song, self.value)
        return f"({' '.join(str(word) for word in words if word not in ('', None))})"


def fits(text: str, bytes_max: int) -> bool:
    """Whether a text takes that many bytes at most, each odd one (PEP 383) for itself."""
    length = len(text)
    if length > bytes_max:
        return False
    return length * 4 <= bytes_max or text.isascii() or size_bytes(text) <= bytes_max


def size_bytes(text: str) -> int:
    """Return how many bytes a text takes in UTF-8, each odd one (PEP 383) for itself."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))
