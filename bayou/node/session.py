"""A client's session and its four guarantees (Terry '94)."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.vector import START, VersionVector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name


class Guarantees(Record):
    """Which of the four guarantees a session asks for; all of them unless told otherwise."""

    read_your_writes: bool = True
    monotonic_reads: bool = True
    writes_follow_reads: bool = True
    monotonic_writes: bool = True


SHORT_NAMES = {
    "RYW": "read_your_writes",
    "MR": "monotonic_reads",
    "WFR": "writes_follow_reads",
    "MW": "monotonic_writes",
}


def parse_guarantees(text: str) -> Guarantees:
    """Read a list such as ``RYW,MR``; ``all`` and ``none`` stand for what they say.

    Raises ValueError, with a message for the user, for anything else.
    """
    words = [word.strip().upper() for word in text.split(",") if word.strip()]
    if words == ["ALL"]:
        return Guarantees()
    chosen = dict.fromkeys(SHORT_NAMES.values(), False)
    for word in words if words != ["NONE"] else []:
        if word not in SHORT_NAMES:
            raise ValueError(
                f"{word!r} is no guarantee: choose from {','.join(SHORT_NAMES)}, or all, or none"
            )
        chosen[SHORT_NAMES[word]] = True
    return Guarantees(**chosen)


class Session:
    """The state of one session: what it has read and what it has written, as version vectors.

    ``reads`` is knowledge, like a server's vector; ``writes`` lists the stamps of the session's own
    writes, the latest of each server.
    """

    def __init__(self, guarantees: Guarantees) -> None:
        self.guarantees = guarantees
        self.reads = START
        self._writes: dict[Name, int] = {}

    @property
    def writes(self) -> VersionVector:
        """The stamps of the session's own writes."""
        return VersionVector(dict(self._writes))

    def demands(self, *, is_write: bool) -> tuple[VersionVector | None, VersionVector | None]:
        """Return what a server has to cover before it may serve a write, or a read.

        A pair: the read vector and the write vector, None where the guarantees chosen don't ask for it
        (Terry '94, table 1: RYW checks the write vector on reads, MR the read vector on reads, WFR the
        read vector on writes, MW the write vector on writes).
        """
        chosen = self.guarantees
        if is_write:
            reads, writes = chosen.writes_follow_reads, chosen.monotonic_writes
        else:
            reads, writes = chosen.monotonic_reads, chosen.read_your_writes
        return self.reads if reads else None, self.writes if writes else None

    def has_read(self, vector: VersionVector) -> None:
        """Take notice of a successful read from a server with this vector."""
        self.reads = self.reads.merged(vector)

    def has_written(self, stamp: int, server: Name) -> None:
        """Take notice of a write of this session that ``server`` accepted with ``stamp``."""
        self._writes[server] = max(stamp, self._writes.get(server, 0))

    def check(self) -> None:
        """Raise InvariantBroken where the read vector can be nobody's knowledge."""
        self.reads.check()
