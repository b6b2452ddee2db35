"""Everything that nodes say to each other, and what the master and a node say to each other.

Field types are limited to those that the wire knows how to check (bayou.wire.codec): int, float, bool, str,
Collection, Value, Name, VersionVector, Write, Items, Ask, Reply, tuples of ints or strings, records with such
fields, and optional ones. Messages are immutable.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.core.past import Base, BasePosition, Chunk
from bayou.machine.messages import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from bayou.core.items import Items
    from bayou.core.name import Name, ServerNames
    from bayou.core.rows import Collection
    from bayou.core.values import Value
    from bayou.core.vector import VersionVector
    from bayou.core.votes import Vote
    from bayou.core.write import Write

    Votes = tuple[Vote, ...]


class Hello(Message):
    """What servers and clients tell those whom they are connected to: which of them they are, and the name
    that a server has, whatever its id: None where it has none yet, and for a client."""

    is_server: bool
    name: Name | None = None


def no_hello(said: Message | None) -> str:
    """Say what is wrong with what a peer told of itself, which was no Hello."""
    return f"{'nothing' if said is None else type(said).__name__} where a Hello is due"


# Between servers: anti-entropy (Petersen '97, "Basic anti-entropy").

JOIN = "join"
HAND_OVER = "hand-over"
ROUND = "round"
GOSSIP = "gossip"


class Pull(Message):
    """Asks for what lies beyond ``csn`` and ``vector``; ``purpose`` is JOIN, HAND_OVER, ROUND or
    GOSSIP.

    ``serial`` is the asker's name for the exchange. ``base``: how far a base has come in, for one whose log
    goes back no further than that (bayou.core.past); None where nothing has.
    """

    serial: int
    purpose: str
    csn: int
    vector: VersionVector
    base: BasePosition | None = None


class NotNow(Message):
    """The answer to a Pull for gossip by a server that is paused, or no member yet."""

    serial: int


class AntiEntropy(Message):
    """A part of the exchange ``serial``: items numbered from ``first`` on, counted from 0.

    The last part tells where the sender stood when the exchange began, and in a round ``back`` asks
    for the other direction under that serial.
    """

    serial: int
    first: int
    items: Items
    end: End | None = None


class End(Record):
    """What the last part of an exchange adds; see AntiEntropy. ``digest``: of what the sender's committed
    general writes came to, up to ``csn`` (bayou.core.executions); ``boundary``: up to where it has whole
    decrees, and ``votes``: those that it knew (bayou.core.votes)."""

    TAGS: ClassVar[tuple[str, ...]] = ("back",)

    csn: int
    vector: VersionVector
    back: int | None = None
    base: BasePosition | None = None
    digest: str = ""
    boundary: int = 0
    votes: Votes = ()


class BaseRows(Message):
    """Rows of the sender's base, in place of the exchange ``serial`` for whoever lacks what its log has no
    more (Petersen '97, "Write-log truncation"). The receiver asks again, from where it then stands.

    ``end``: with the last rows, what belongs to the base. ``stand``: in a round, where the sender stands, and
    under which serial it asks for the other direction.
    """

    begins_turn = True

    serial: int
    chunk: Chunk
    end: Base | None = None
    stand: End | None = None


class Continue(Message):
    """Has taken in the items of the exchange before number ``upto``, and has room for more."""

    serial: int
    upto: int


# Between servers: gossip, where servers run freely (bayou.node.gossip).


class News(Message):
    """Something new is here: where this server stands now. ``votes``: how far the votes have got that it
    knows, in numbers that only grow within an epoch (bayou.core.votes)."""

    csn: int
    vector: VersionVector
    votes: tuple[int, ...] = ()


# Between servers: a round, which brings a group of connected servers level (bayou.node.rounds).


class Gather(Message):
    """In ``round``, asks a node of the tree to send what lies beyond, once it has gathered that from the
    nodes below it. The rest is as in Pull."""

    round: int
    serial: int
    csn: int
    vector: VersionVector
    base: BasePosition | None = None


# Between servers: creation and retirement (Petersen '97, "Light-weight server creation and
# retirement").


class Create(Message):
    """A new server asks to be given a name, and then to be sent all that the creator has, as in Pull
    under ``serial``. ``token`` tells its requests from those of all others."""

    token: int
    serial: int
    base: BasePosition | None = None


class Created(Message):
    """The answer to Create: the creation write, and where the creator stood with that write. What it had
    follows."""

    token: int
    creation: Write
    csn: int
    vector: VersionVector


class AskHeir(Message):
    """The primary, about to retire under the name ``asker``, asks a server to take over its duty."""

    token: int
    asker: Name


class Willing(Message):
    """The answer to AskHeir: the heir's name. It does not retire before it is the primary."""

    token: int
    heir: Name


class HandOver(Message):
    """A retiring server offers all that it has: pull it and confirm."""

    token: int


class TakenOver(Message):
    """The answer to HandOver: where the server stands that has taken everything over."""

    token: int
    csn: int
    vector: VersionVector


class Declined(Message):
    """The answer to Create, AskHeir, HandOver or AskConsent by a server that can't: it is itself retiring,
    say, or lacks a function that writes of the other one need."""

    token: int


# Between servers: a change of the commit group (bayou.node.regrouping).


class AskConsent(Message):
    """Asks whether a server that is named in a change of the group, made in this epoch, consents to it."""

    token: int
    epoch: int


class Consented(Message):
    """The answer to AskConsent: it does not retire before its epoch is a later one. Declined is the other."""

    token: int


# Between client and server: sessions (Terry '94).

OK = "ok"
REFUSED = "refused"
NO_ROOM = "no room"
TURNED_DOWN = "turned down"
"""What becomes of a request: it is carried out, or the server does not cover the session's vectors, or has
too little room on its disk to take a write, or turns a general write down for a reason that lies with it."""

NO_SERVER = "it has no server"
"""What a client says that is connected to none."""

FULL = "full"
COMMITTED = "committed"
"""What a read looks at: all that its server has, tentative writes on top, or the committed prefix alone."""


class Ask(Record):
    """Base of what a session can ask a server, within a Request.

    ``KINDS`` maps the name of each kind, which is that of its class, to the class; those that are seldom
    asked are in bayou.node.asks. ``is_write``: whether session guarantees take it for a write; ``is_kept``:
    whether its answer is remembered, in case the request comes again: others are then answered afresh.
    """

    KINDS: ClassVar[dict[str, type[Ask]]] = {}
    is_write: ClassVar[bool] = False
    is_kept: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Ask.KINDS[cls.__name__] = cls


class Get(Ask):
    """The value of the row at ``key`` in ``collection``, in the view FULL or COMMITTED. Answered by Got."""

    is_kept = True

    collection: Collection
    key: str
    view: str = FULL


class Put(Ask):
    """Give a row a value. Answered by Written."""

    is_write = is_kept = True

    collection: Collection
    key: str
    value: Value


class Delete(Ask):
    """Delete a row, which need not be there. Answered by Written."""

    is_write = is_kept = True

    collection: Collection
    key: str


WAIT_MAX_S = 60.0
"""For how long a server lets a request wait at most; whoever asked asks again."""


class Floor(Record):
    """What a server has to have beside what the guarantees want: the CSN ``csn`` at least. Where it lacks
    that, or does not cover the session's vectors, the request waits for ``wait_s`` seconds at most."""

    csn: int = 0
    wait_s: float = 0.0


class Request(Message):
    """A client's request. ``session`` and ``number`` identify it: sent again, it is carried out once.

    ``reads`` and ``writes`` are the session's vectors where the guarantees chosen want the server to cover
    them, otherwise None: in both views alike. ``floor``: what else it has to have.
    """

    session: int
    number: int
    ask: Ask
    reads: VersionVector | None
    writes: VersionVector | None
    floor: Floor | None = None


class Reply(Record):
    """Base of what answers an Ask. ``KINDS``: as of Ask."""

    KINDS: ClassVar[dict[str, type[Reply]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Reply.KINDS[cls.__name__] = cls


class Got(Reply):
    """The value of a row, None where there is none."""

    value: Value | None


class Written(Reply):
    """The ``stamp`` of a write, and the name of the ``server`` that accepted it. Of several writes it is the
    stamp of the last one, and those before it have the stamps just below."""

    stamp: int
    server: Name


class Lacking(Reply):
    """Why a request is refused: what its server lacks (one thing of perhaps many) that the session has seen
    or written: the write with this ``stamp`` by the server of this name, or that one's retirement where the
    stamp is larger than any (bayou.core.vector.RETIRED). Without a name it is the CSN ``stamp`` that it has
    not reached or, where that is 0, it has itself retired, and accepts nothing."""

    server: Name | None
    stamp: int


class Answer(Message):
    """The answer to a request: the verdict OK with the reply that belongs to what was asked, and for a read
    what the server knew, ``vector``; REFUSED with what is lacking; NO_ROOM; or TURNED_DOWN with the
    reason."""

    session: int
    number: int
    verdict: str
    reply: Reply | None = None
    vector: VersionVector | None = None


# Orders of the master to a server, and the reports that answer them.


class Join(Message):
    """Become a member: as the first server, or by asking a connected one."""

    first: bool


class Joined(Message):
    """The server has its name, and has all that its creator had."""

    name: Name
    primary: bool


class Retire(Message):
    """Retire, and answer when another server has confirmed all that has to be handed over."""


class Retired(Message):
    """The server has left. ``heir`` is the id of the server that it asked to take its duty over."""

    heir: int | None


class Pause(Message):
    """Stop (or go on with) anti-entropy."""

    paused: bool


class Converge(Message):
    """Take part in ``round``, with the server ``above`` in the tree, None at its head, and those ``below``.

    All servers of the tree get this order, each with its own neighbours in it. ``attempt`` counts the
    rounds since the tree last changed, from 0: servers are more patient each time. ``leads``: in which epoch
    the head may lead the commit group, of which a majority is in the tree then; -1 for in none.
    """

    round: int
    above: int | None
    below: tuple[int, ...]
    attempt: int = 0
    leads: int = -1


class Converged(Message):
    """The server's part in the round is over.

    ``level``: it has the same vector and CSN as the one above it, and nothing tentative if it is the
    primary, which ``primary`` tells. ``stand``: how it stands to the commit group, None where that has never
    been any but the first server.
    """

    level: bool
    primary: bool
    stand: GroupStand | None = None


class GroupStand(Record):
    """What a server knows of the commit group: its epoch, the members, in the order of names, and how many
    writes are tentative at that server."""

    epoch: int
    members: ServerNames
    tentative: int


class Watch(Message):
    """Report where you stand, as soon as that differs from these; at once where ``vector`` is None."""

    csn: int = 0
    vector: VersionVector | None = None
    tentative: int = 0


class Status(Message):
    """Where a server stands, how many tentative writes it has, whether it is the primary, and whether it is
    about to leave. ``stand``: as of Converged."""

    csn: int
    vector: VersionVector
    tentative: int
    primary: bool
    retired: bool = False
    stand: GroupStand | None = None


class TellGroup(Message):
    """What do you know of the commit group?"""


class GroupIs(Message):
    """This, and from where on this server has not heard of a decree yet (``boundary``); the votes that it
    knows; whether it is in no group, and not needed any more by one that came after its own (``is_free``);
    and whether it has consented to a change that may still count (``is_bound``)."""

    stand: GroupStand
    boundary: int
    votes: Votes
    is_free: bool
    is_bound: bool


class Consent(Message):
    """Consent to a change of the group that was made in this epoch: not to retire before a later one."""

    epoch: int


class SetGroup(Message):
    """Let the servers of these names be the commit group, and bring the consents that it takes from those
    connected. Answered when the group write is accepted. ``epoch``: that in which the operator has looked at
    the group, None where that makes no difference to what is wanted."""

    members: ServerNames
    epoch: int | None = None


class Regroup(Message):
    """Accept a group write: the servers of these names are to commit from then on, who have consented to a
    change that was made in ``epoch``. ``is_trial``: only say whether that could be."""

    members: ServerNames
    epoch: int
    is_trial: bool = False


class Truncate(Message):
    """Fold all that is committed, and let go of the log up to the CSN ``upto``, or all that is folded."""

    upto: int | None = None


class Fold(Message):
    """Fold what is committed up to the CSN ``upto``, or all."""

    upto: int | None = None


class DropMarks(Message):
    """Let go of the deletion marks up to the CSN ``upto``, or of all that are in the base."""

    upto: int | None = None


class DropIncoming(Message):
    """Throw away what has come in of a base."""


class Shortened(Message):
    """What is kept of the past now: the log behind the CSN ``omitted``, and ``base`` is that of the base."""

    omitted: int
    base: int


class WhereIs(Message):
    """Where did the server of this name stand, when it was last heard of?"""

    name: Name


class Stands(Message):
    """There it stood; where it was never heard of, at the beginning."""

    csn: int
    vector: VersionVector


class Export(Message):
    """What does one lack that stands there, and in that base (Petersen '97, "Anti-entropy over transportable
    media")? Asked again and again, each time from where the answer leads."""

    csn: int
    vector: VersionVector
    base: BasePosition | None = None


class Exported(Message):
    """A piece of what it lacks: items, or rows of the base (never what changed since some CSN). ``base``:
    with the last of these. ``end``: with the last of all, where this server stands."""

    items: Items
    chunk: Chunk | None = None
    base: Base | None = None
    end: End | None = None


class CanImport(Message):
    """Can a file be taken in, in which there is a base of the CSN ``base`` (0: none), and writes for one that
    stands at ``csn`` and ``vector``?"""

    csn: int
    vector: VersionVector
    base: int


WRITES = "writes"
ROWS = "rows"
GAP = "gap"


class Importable(Message):
    """Its WRITES, its ROWS first, or nothing, as there is a GAP between this server, which stands at ``csn``
    and ``vector``, and the file."""

    verdict: str
    csn: int
    vector: VersionVector


class Import(Message):
    """A piece of a file: see Exported. ``end`` goes with the last piece, where all before are taken in: it is
    of no use to one who stops earlier."""

    begins_turn = True

    items: Items
    chunk: Chunk | None = None
    base: Base | None = None
    end: End | None = None


class Imported(Message):
    """It is taken in: so many items were ``new``; ``installed``: the base took the place of all rows."""

    new: int
    installed: bool


class ReadLog(Message):
    """Give up to ``count`` writes from log position ``start`` on."""

    start: int
    count: int


class LogPage(Message):
    """Writes from the log, the first ``committed`` of them stable; ``total`` is the length of the log, as
    far as it is kept. ``outcomes``: what the general writes among them came to (bayou.core.execute)."""

    writes: tuple[Write, ...]
    committed: int
    total: int
    outcomes: tuple[int, ...] = ()


class IsConflict(Message):
    """Is there a row in ``!conflicts`` that is of the write with this stamp and server?"""

    stamp: int
    server: Name


class Conflict(Message):
    """It is there, or not, in the full view."""

    is_there: bool


# Orders of the master to a client.


class Do(Message):
    """Ask the server for this in the session, and report how it went."""

    ask: Ask


class Did(Message):
    """How a request went: the verdict and, for a get, the value or None; for others, what was replied."""

    verdict: str
    value: Value | None
    reply: Reply | None = None
