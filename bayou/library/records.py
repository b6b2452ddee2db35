"""What a store tells a program: rows, writes, changes, and how they stand."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class WriteId(Record):
    """A write, named: ``server`` accepted it, with the accept stamp ``stamp`` (Petersen '97, "Basic
    anti-entropy"). As a text it is ``STAMP@SERVER``.

    >>> import bayou
    >>> str(bayou.WriteId(17, "<5,3>")), bayou.WriteId.parse("17@<5,3>").stamp
    ('17@<5,3>', 17)
    """

    stamp: int
    server: str

    @staticmethod
    def parse(text: str) -> WriteId:
        """Return the write that a text names; ValueError where it names none."""
        from bayou.wire.exports import parse_name

        stamp, at, server = text.partition("@")
        if not at or not stamp.isascii() or not stamp.isdigit():
            raise ValueError(f"{text!r:.80} is no name of a write, as 17@<5,3> is")
        parse_name(server)
        return WriteId(int(stamp), server)

    def __str__(self) -> str:
        return f"{self.stamp}@{self.server}"


class Row(Record):
    """A row as it is seen.

    - ``key`` and ``value``: a fresh copy, for the caller to keep;
    - ``committed``: whether what is shown is stable: nothing that becomes known later comes before it;
    - ``write``: the write that gave it this value, None where that is no longer known.

    >>> import bayou
    >>> bayou.Row("monday", {"done": False}, False, bayou.WriteId(17, "<>")).committed
    False
    """

    key: str
    value: Any
    committed: bool
    write: WriteId | None


class Change(Record):
    """A row that was changed.

    - ``value``: what it has now, None where it was deleted;
    - ``csn``: the commit sequence number of the write, None as long as that is tentative;
    - ``write``: None where it is no longer known;
    - ``resume``: what to give as ``since`` in order to go on behind this change.
    """

    collection: str
    key: str
    value: Any
    csn: int | None
    write: WriteId | None
    resume: int | None = None


class Outcome(Record):
    """How a write stands.

    - ``state``: ``"tentative"``, ``"committed"``, or ``"unknown"`` where the server that was asked has not
      heard of it;
    - ``csn``: the commit sequence number, where it is known still;
    - ``result``: what came of a general write: ``"applied"``, ``"merged N"`` (the N-th that stands behind
      ``otherwise``), ``"conflict"``, or ``"done"`` where that is so long ago that only its commitment is
      known; None for a put or a delete. It is final where the state is committed;
    - ``rows``: the rows that it changed, as (collection, key), as far as that is known.
    """

    state: str
    csn: int | None = None
    result: str | None = None
    rows: tuple[tuple[str, str], ...] = ()


class Conflict(Record):
    """A general write of which nothing fitted: it has changed no row, and waits for somebody to decide.

    - ``write`` and ``name``: which one it is;
    - ``body``: what it is as JSON, a fresh copy: ``Write.of(body)`` makes it again;
    - ``committed``: whether that is final: until then it comes and goes with what becomes known.
    """

    write: WriteId
    name: str
    body: dict[str, Any]
    committed: bool


class SyncReport(Record):
    """What a sync came to.

    - ``sent`` and ``received``: how many writes went out, and came in that were new here;
    - ``committed``: how many were committed here by it;
    - ``base``: whether the committed rows came as a whole, because the other's log goes back less far;
    - ``seconds`` it took;
    - ``why_stopped``: ``"level"``: both have all that both had when it began; ``"timeout"``; or why the
      connection ended before.
    """

    sent: int
    received: int
    committed: int
    base: bool
    seconds: float
    why_stopped: str


for _record in (WriteId, Row, Change, Outcome, Conflict, SyncReport):
    _record.__module__ = "bayou"
