"""What sessions seldom ask of a server, and what answers it: imported with the first of them.

Whatever may be long is told in pages, of as many rows as fit; whoever asks says behind which place to go on,
so that a server keeps nothing between pages.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.node.messages import FULL, Ask, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name, ServerNames
    from bayou.core.rows import Collection
    from bayou.core.values import Value
    from bayou.core.vector import VersionVector

    Versions = list["Version"]
    """Rows, in the fields of messages: they travel in columns."""

PAGE_MAX = 1024
"""How many rows, or names of collections, a page has at most."""

PAGE_CHARACTERS = 1 << 20
"""How many characters the keys and values of a page have at most; a single row may have more."""

UPDATE_MAX = 8192
UPDATE_CHARACTERS = 8 << 20
"""How many writes one request has at most, and how many characters their keys and values."""


class Version(Record):
    """What a write has made of a row: its value, None where it deleted it.

    ``csn`` is that of the write, 0 where it is tentative or its CSN is not told; ``stamp`` and ``server``
    identify it: 0 and None where it is so long ago that nobody knows.
    """

    collection: Collection
    key: str
    value: Value | None
    csn: int
    is_committed: bool
    stamp: int
    server: Name | None


class Edit(Record):
    """One of several writes: a put, or a delete where ``value`` is None."""

    collection: Collection
    key: str
    value: Value | None


class Update(Ask):
    """Several writes, accepted one after the other with nothing in between, and made durable together.
    Answered by Written, with the stamp of the last one."""

    is_write = is_kept = True

    edits: tuple[Edit, ...]


class Change(Ask):
    """A general write: ``body`` is the canonical form of what it expects and does (bayou.core.body). Answered
    by Written, or NotTaken."""

    is_write = is_kept = True

    body: str


class NotTaken(Reply):
    """A general write was turned down, and nothing has changed: ``why``."""

    why: str


class Row(Ask):
    """A row. Answered by Page, with one row or none."""

    collection: Collection
    key: str
    view: str = FULL


class Rows(Ask):
    """The rows whose keys begin with ``prefix``, in the order of keys, those behind the key ``after`` where
    that is not None; ``count`` at most. Answered by Page."""

    collection: Collection
    prefix: str
    after: str | None
    count: int
    view: str = FULL


class Page(Reply):
    """Rows; ``is_last``: whether there are none behind them."""

    rows: Versions
    is_last: bool


class Collections(Ask):
    """The names of the collections that have rows, in order, those behind ``after``. Answered by Names."""

    after: str = ""
    view: str = FULL


class Names(Reply):
    """Names of collections; ``is_last``: whether there are none behind them."""

    names: tuple[str, ...]
    is_last: bool


class Outcome(Ask):
    """How does the write of this stamp and server stand? Answered by Standing."""

    stamp: int
    server: Name


class AwaitCommitted(Ask):
    """As Outcome, answered when that write is committed, or after ``wait_s`` seconds."""

    stamp: int
    server: Name
    wait_s: float


class Standing(Reply):
    """How a write stands: unknown, tentative or committed (bayou.core.replica), and its CSN where it has one
    and that is still known: where the log is not truncated up to there. Of a general write ``outcome`` says
    what it came to, as in bayou.core.execute, as long as that is known. ``rows``: which rows it changed,
    their collections and keys in turn; of a put or delete as long as it is not folded. ``is_conflict``:
    whether there is a row in ``!conflicts`` that is this write's."""

    state: str
    csn: int | None
    outcome: int | None = None
    rows: tuple[str, ...] = ()
    is_conflict: bool = False


class Pending(Ask):
    """The writes that are tentative, in accept order: where ``upto`` is not None, of the servers that it
    lists up to those stamps; behind the write of ``stamp`` and ``server``, where those are not 0 and None.
    Answered by Page."""

    upto: VersionVector | None
    stamp: int = 0
    server: Name | None = None


class Contended(Ask):
    """The tentative writes of rows that have those of more than one server, in the order of rows, and in
    accept order for each; from the row ``collection`` and ``key`` on, and there behind the write of ``stamp``
    and ``server``. Answered by Page."""

    collection: str = ""
    key: str = ""
    stamp: int = 0
    server: Name | None = None


class FeedPosition(Record):
    """How far a feed of changes has come: behind the row ``collection`` and ``key`` of ``csn``; in the end of
    all rows of that CSN the collection is ``~``.

    ``base`` is the CSN of the first base that the present state was told from, as long as that is being told,
    otherwise 0. ``told`` is what is known of tentative writes, None where nobody wants to hear of those.
    """

    csn: int
    collection: str = "~"
    key: str = ""
    base: int = 0
    told: VersionVector | None = None


class Changes(Ask):
    """What has changed behind ``since``, in the order of CSNs: the present state first where that is None.

    Values that were overwritten may be left out. With ``tentative`` the writes that are tentative follow
    behind all that is committed: they may come again, in another order, or not at all. Where there is nothing
    it waits for ``wait_s`` seconds. Answered by Changed, or by TooOld.
    """

    since: FeedPosition | None
    count: int
    wait_s: float = 0.0
    tentative: bool = False


class Changed(Reply):
    """Changes, and how far the feed has come with them. ``is_whole``: whether the last one is also the last
    of its CSN; ``csn`` is that of the server."""

    rows: Versions
    position: FeedPosition
    is_whole: bool
    csn: int


class TooOld(Reply):
    """Deletions up to the CSN ``marks_from`` are forgotten, so that what changed cannot be told: begin with
    the present state."""

    marks_from: int


class Stand(Ask):
    """Where does the server stand? Answered by Stands, with its vector as of a read."""


class Stands(Reply):
    """The server's name and CSN, how many of its writes are tentative, who commits as far as it knows,
    and up to which CSNs its log is truncated, its rows are the base's, and deletions are forgotten;
    ``is_full``: whether it takes no writes for lack of room."""

    name: Name
    csn: int
    tentative: int
    group: ServerNames
    omitted_csn: int
    base_csn: int
    marks_from: int
    is_full: bool
