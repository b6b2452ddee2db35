"""The facts that a history amounts to: servers, and what happened at them, when in their own past.

So whatever happened at a server is kept with the place in its own past: how many writes it knew by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bayou.check.history import show_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.check.history import Installed, Name, Served, Truncated, Write, WriteId
    from bayou.check.votes import Consented, Voted

    Group = tuple[Name, ...]

NEVER = 1 << 62
"""The place of a write in the past of a server that never knew it."""


def members_made(write: Write, group: Group, epoch: int) -> Group | None:
    """Return who commits from a write on that is committed in an epoch of a group; None where it changes
    nothing. So does a group write that was made in another epoch, or an heir that somebody else names."""
    if write.since is not None:
        return tuple(sorted(write.members)) if write.since == epoch else None
    return None if write.heir is None or group != (write.server,) else (write.heir,)


@dataclass(eq=False, slots=True)
class Server:
    """One server, from its name to its end; one that joins under the same id later is another one.

    - ``known``: each write that it ever knew, and how many it knew before;
    - ``committed``, ``tentative``: its log;
    - ``group``, ``epoch``: who commits as the committed prefix here tells, and since which CSN;
    - ``retired``: the retirements that it has processed; ``consented``: the last epoch in which it is bound
      not to retire;
    - ``own``: the writes that it accepted; ``since_own``: those it learned since the last of them, and that;
    - ``omitted``: up to which CSN its log is gone;
    - ``lives``: how often it crashed; ``is_down``: whether it still is; ``left_at``: the event by which it
      left; ``is_replaced``: whether its id was used again although it had not left.
    """

    id: int
    name: Name
    named_at: int | None
    known: dict[WriteId, int] = field(default_factory=dict)
    committed: list[WriteId] = field(default_factory=list)
    tentative: dict[WriteId, None] = field(default_factory=dict)
    retired: dict[Name, WriteId] = field(default_factory=dict)
    group: Group = ((),)
    epoch: int = 0
    consented: int = -1
    own: list[WriteId] = field(default_factory=list)
    since_own: list[WriteId] = field(default_factory=list)
    latest: int = 0
    omitted: int = 0
    lives: int = 0
    is_down: bool = False
    is_replaced: bool = False
    left_at: int | None = None

    def knew(self, write: WriteId, place: int) -> bool:
        """Whether it knew a write when it knew ``place`` writes."""
        return self.known.get(write, NEVER) < place

    @property
    def creation(self) -> WriteId | None:
        """The creation write that its name comes from; None for the first server."""
        return (self.name[0], self.name[1:]) if self.name else None

    @property
    def is_here(self) -> bool:
        """Whether it was there in the end."""
        return self.left_at is None and not self.is_down and not self.is_replaced


@dataclass(frozen=True, slots=True)
class Batch:
    """A log event: a server says that ``csn`` writes were committed before it, and it had ``before``."""

    at: int
    server: Server
    csn: int
    before: int


@dataclass(frozen=True, slots=True)
class Based:
    """A server took over a base when it had ``before`` commitments, and has ``tentative`` writes since that
    are not in it. ``lacking``: the first CSN of the base that nobody was heard to have, None for none."""

    step: Installed
    server: Server
    before: int
    tentative: int
    lacking: int | None


@dataclass(frozen=True, slots=True)
class Shortened:
    """A server let go of its log up to a CSN when it had ``committed`` commitments, and had let go of
    ``before``."""

    step: Truncated
    server: Server
    committed: int
    before: int


@dataclass(frozen=True, slots=True)
class Learned:
    """A server processed a write for the first time, as its write number ``place``."""

    at: int
    server: Server
    id: WriteId
    place: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A server has a write at a CSN, while ``group`` was the one that its committed prefix named.

    ``is_own``: it had just accepted the write itself, so that nobody else can have given it the CSN.
    """

    at: int
    server: Server
    csn: int
    id: WriteId
    group: Group
    is_own: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """A server accepted a write: what it had learned since its own write before, its latest stamp, and what
    it knew of the group; ``consented`` as of Server."""

    at: int
    server: Server
    causes: list[WriteId]
    latest: int
    group: Group = ((),)
    epoch: int = 0
    consented: int = -1


@dataclass(frozen=True, slots=True)
class Cast:
    """A server's vote is durable, when it knew ``place`` writes, ``committed`` of them committed, and was in
    that ``epoch``. What it had done since the event ``since`` may have been in the same step."""

    step: Voted
    server: Server
    since: int
    place: int
    committed: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Bound:
    """A server has consented to a change of the group."""

    step: Consented
    server: Server


@dataclass(frozen=True, slots=True)
class Odd:
    """Something of a write that can't be right: at which event and server, and the write there before."""

    at: int
    server: Server
    write: Write
    other: WriteId


@dataclass(frozen=True, slots=True)
class Done:
    """A server answered a request when it knew ``place`` writes, in its life number ``life``.

    ``write``: what the request became; ``last``: for a get, what its view of the log said by then;
    ``had_retired``. ``rows``, ``outcome``: for such reads what is due, as in Served; None where the trace
    does not tell enough; nor does ``last`` say anything unless ``is_told``.
    """

    served: Served
    server: Server
    life: int
    place: int
    write: WriteId | None
    last: str | None
    had_retired: bool
    rows: tuple[tuple[str, str, bool], ...] | None = None
    outcome: tuple[WriteId, str, int | None, bool] | None = None
    is_told: bool = True

    @property
    def is_ok(self) -> bool:
        """Whether it was carried out."""
        return self.served.verdict == "ok"

    @property
    def what(self) -> str:
        """The request as people read it."""
        served = self.served
        return f"request {served.number} of session {served.session} ({served.kind} {show_row(served.row)})"


@dataclass(frozen=True, slots=True)
class Rest:
    """A server of a group at rest: does it have what the first of the group has? ``lacking`` says what
    either of them lacks, empty where they are the same.

    ``uncommitted``: what a primary has not committed, or a server that a majority of the group is connected
    with; None for others.
    """

    at: int
    server: Server
    first: Server
    lacking: str
    uncommitted: tuple[WriteId, ...] | None
