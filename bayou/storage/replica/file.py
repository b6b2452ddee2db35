"""The file of a durable replica: what a server knows, in one database of SQLite.

One turn of a server's loop is one transaction. What its replica does with its past is carried out at once,
within the transaction of the turn; ``keep`` writes what else the turn has brought, and commits. Nothing of a
turn may be told to anybody before that.
"""

from __future__ import annotations

import sqlite3

from bayou._record import Record
from bayou.core.errors import Misuse, require
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.past import Bounded, Chunk, Folded, IncomingDropped, Installed, MarksDropped, Truncated
from bayou.core.write import GROUP, RETIREMENT
from bayou.node.records import Activated, Answered, Named, Voted
from bayou.storage.files import SystemFiles
from bayou.storage.replica.answers import Answers
from bayou.storage.replica.care import Sizes, free_bytes, sizes
from bayou.storage.replica.database import Database, changing, connect, reading, told
from bayou.storage.replica.doctor import examine
from bayou.storage.replica.lock import FileLock, Note
from bayou.storage.replica.opening import begin, csn_of, exists, look, make, name_of_server, own_stamp_of
from bayou.storage.replica.past import STAMP_CEILING, FilePast, named_in
from bayou.storage.replica.schema import MIGRATIONS
from bayou.storage.replica.sums import BadSum, csn_sum, name_text, told_sum
from bayou.storage.replica.turn import Turn
from bayou.storage.store import StorageFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bayou.core.name import Name
    from bayou.core.past import Base
    from bayou.core.write import Write
    from bayou.machine.records import Durable, Fact
    from bayou.storage.files import Files
    from bayou.storage.replica.schema import Migrations

    Pack = Callable[[Iterable[Durable]], bytes]
    Unpack = Callable[[bytes], list[Fact]]

_DONE = {Folded, Truncated, MarksDropped, Chunk, IncomingDropped, Installed}
"""Records of what was carried out already."""


class Loaded(Record):
    """What a server is restored from, beside its past:

    - ``name``: its own, None where it has none yet;
    - ``facts``: the others, in the order in which they became durable;
    - ``answers``: the last one to each session, the oldest first, read from the file while they are taken;
    - ``items``: what lies beyond the base;
    - ``boundary``: where the last decree ends, 0 where the base tells as much.
    """

    name: Name | None
    facts: list[Fact]
    answers: Iterable[Answered]
    items: Items
    boundary: int


class ReplicaFile(FilePast):
    """The file of one replica, locked as long as it is open. It is the replica's past (bayou.core.past) too.

    After an error of this file (StorageError, whose ``exit_status`` says how to end) nothing more can be read
    or written: what the process holds in memory is ahead of the file. Attributes, for reading:

    - ``path``;
    - ``is_new``: whether it was made just now;
    - ``was_clean``: whether the process that had it before has closed it;
    - ``name``: what the server is called, None where it has no name yet;
    - ``csn``: the CSN of the last committed write.
    """

    def __init__(
        self,
        path: str,
        pack: Pack,
        unpack: Unpack,
        *,
        may_make: bool = True,
        moved: bool = False,
        files: Files | None = None,
        migrations: Migrations = MIGRATIONS,
    ) -> None:
        """Open the file, which is made where there is none, or an empty one, unless ``may_make`` is false.

        ``pack`` and ``unpack`` turn facts into bytes and back. ``moved``: its user says that the file was
        moved here, and that nothing runs where it was. InUse where another process has it; StorageDamaged
        where it is damaged or missing, StorageForeign where it is not this program's, of another format,
        copied, or a backup, LostMemory where it is older than what its server has told already, and each of
        these leaves it as it is; StorageFailed where the disk fails.
        """
        files = files or SystemFiles()
        self.path = path
        self._pack, self._unpack = pack, unpack
        self._lock = FileLock(files, path)
        connection: sqlite3.Connection | None = None
        try:
            self.is_new = not exists(files, path)
            if self.is_new:
                if not may_make:
                    raise FileNotFoundError(2, "No such file", path)
                make(files, path)
            look(files, path, self._lock.found, moved=moved, migrations=migrations)
            connection = connect(path)
            database = Database(path, connection)
            database.read_meta()
            self.was_clean = database.meta.get("clean") == 1
            begin(database, migrations=migrations)
            super().__init__(database)
            self._begin()
        except BaseException as error:
            if connection is not None:
                connection.close()
            self._lock.close()
            if isinstance(error, sqlite3.Error | OSError | BadSum | TypeError | ValueError | LookupError):
                raise told(path, error) from error
            raise

    def _begin(self) -> None:
        self.csn = self.kept_csn = csn_of(self)
        self.name = name_of_server(self)
        self._own_stamp = 0 if self.name is None else self._known_stamp(self.name)
        self._transactions = self.database.number("transactions")
        (self.tentative_count,) = self.database.execute("SELECT count(*) FROM tentative").fetchone()
        self.database.connection.create_function("csn_sum", 2, csn_sum, deterministic=True)
        self._answers = Answers(self.database, self.servers)
        self._note()

    # What the file says of its server.

    @property
    def cluster(self) -> str:
        """The cluster that the server belongs to, nothing where it belongs to none yet."""
        return self.database.text("cluster")

    @property
    def link(self) -> int:
        """The number of 62 bits by which the server tells itself from others when they meet."""
        return self.database.number("link")

    @property
    def starts(self) -> int:
        """How many times the file was opened, this time included."""
        return self.database.number("starts")

    @property
    def is_member(self) -> bool:
        """Whether the server has taken over all that its creator had."""
        return self.database.number("member") == 1

    @property
    def boundary(self) -> int:
        """The CSN at which the last decree ends that was kept as such: no later one, unless it is the end of
        the last base, or a commit group begins behind it (bayou.core.replica)."""
        return self.database.number("boundary")

    @reading
    def has_decided(self) -> bool:
        """Whether the server was ever in the commit group, the primary say."""
        if self.name is ROOT or self.database.number("decided"):
            return True
        items = self._load_items()
        named = [named_in(write) for write in items.committed if write.kind in {RETIREMENT, GROUP}]
        return self.name is not None and any(self.name in members for members in named)

    @changing
    def join_cluster(self, cluster: str) -> None:
        """Let the server belong to a cluster; durable with the next ``keep``."""
        self.database.set_meta(cluster=cluster)

    @reading
    def addresses(self) -> list[tuple[Name, int, str]]:
        """Return where servers listen: name, version, and a text that is up to whoever puts it."""
        found = []
        for number, version, text, sum in self.database.execute("SELECT * FROM addresses ORDER BY server"):
            server, start = self.servers.name(number)
            if told_sum(version, text, start=start) != sum:
                raise BadSum(f"the addresses of {server} are damaged: their sum is wrong")
            found.append((server, version, text))
        return found

    @changing
    def put_address(self, server: Name, version: int, text: str) -> None:
        """Let this be where a server listens; durable with the next ``keep``."""
        number, start = self.servers.number(server)
        row = (number, version, text, told_sum(version, text, start=start))
        self.database.execute("INSERT OR REPLACE INTO addresses VALUES (?, ?, ?, ?)", row)

    @changing
    def drop_address(self, server: Name) -> None:
        """Forget where a server listens; durable with the next ``keep``."""
        number, _ = self.servers.number(server)
        self.database.execute("DELETE FROM addresses WHERE server = ?", (number,))

    # What it is restored from.

    @reading
    def load(self) -> Loaded:
        """Return what a server is restored from. Its answers are read while they are taken: to be done before
        anything is changed."""
        boundary = self.boundary if self.boundary > self.base.csn else 0
        return Loaded(self.name, self._load_facts(), self._answers.all(), self._load_items(), boundary)

    def _load_facts(self) -> list[Fact]:
        facts: list[Fact] = []
        for kind, key, body, sum in self.database.execute(
            "SELECT kind, key, body, sum FROM facts ORDER BY place"
        ):
            if told_sum(kind, key, body) != sum:
                raise BadSum(f"the fact {kind} {key[:40]} is damaged: its sum is wrong")
            facts += self._unpack(body)
        return facts

    def _load_items(self) -> Items:
        base_csn, write_of = self.base.csn, self.servers.write_of
        committed: list[Write] = []
        rows = self.database.execute(
            "SELECT csn, stamp, server, kind, collection, key, value, sum FROM committed WHERE csn > ? "
            "ORDER BY csn",
            (base_csn,),
        )
        for csn, *row in rows:
            committed.append(write_of(csn, *row))
            if csn != base_csn + len(committed):
                raise BadSum(f"the write of CSN {base_csn + len(committed)} is missing")
        tentative = sorted(write_of(0, *row) for row in self.database.execute("SELECT * FROM tentative"))
        return Items(base_csn, committed, tentative)

    # Making a turn durable.

    @property
    def has_changed(self) -> bool:
        """Whether something was carried out that is not durable yet."""
        return self.database.in_transaction

    def keep(self, records: Sequence[Durable]) -> None:
        """Make a turn durable: what was carried out already, and these records, all or nothing of it. Without
        either there is no transaction."""
        if records or self.database.in_transaction or self.database.failure is not None:
            self._keep(records)
            self._note()

    @changing
    def _keep(self, records: Sequence[Durable]) -> None:
        turn = Turn(self.database, self.servers, self.csn, self.name, self._own_stamp, self.tentative_count)
        answers: dict[int, Answered] = {}
        bounds = [self.boundary]
        for record in records:
            kind = type(record)
            if isinstance(record, Items):
                turn.add(record)
            elif isinstance(record, Answered):
                answers[record.session] = record
            elif isinstance(record, Named):
                self.name = turn.name = record.name
                self.database.set_meta(name=name_text(record.name))
                turn.own_stamp = self._known_stamp(record.name)
            elif kind is Bounded:
                bounds.append(record.csn)  # type: ignore[attr-defined]
            elif kind not in _DONE:
                self._put_fact(record)
                if kind is Voted:
                    self.database.set_meta(decided=1)
        turn.write()
        self._transactions += 1
        if answers:
            self._answers.put(answers.values(), self._transactions)
        self.database.set_meta(transactions=self._transactions, boundary=max(bounds))
        self.database.commit()
        self.csn = self.kept_csn = turn.csn
        self._own_stamp, self.tentative_count = turn.own_stamp, turn.tentative_count

    def _known_stamp(self, name: Name) -> int:
        """Return the largest stamp that this server has given. Having retired, it gives no more."""
        return own_stamp_of(self, name) % STAMP_CEILING

    def _put_fact(self, record: Durable) -> None:
        if record.key is None:
            raise Misuse(f"a {type(record).__name__} is nothing that is kept in a file")
        kind, about = record.key
        key = "" if about is None else repr(about)
        body = self._pack([record])
        self.database.execute("DELETE FROM facts WHERE kind = ? AND key = ?", (kind, key))
        self.database.execute(
            "INSERT INTO facts (kind, key, body, sum) VALUES (?, ?, ?, ?)",
            (kind, key, body, told_sum(kind, key, body)),
        )
        if isinstance(record, Activated):
            self.database.set_meta(member=1)

    def _note(self) -> None:
        self._lock.note(Note(self.link, self._transactions, self.csn, self._own_stamp))

    def install(self, base: Base, marks_from: int) -> None:
        super().install(base, marks_from)
        self.csn = base.csn

    # What stands in it.

    @reading
    def sizes(self, *, by_table: bool = False) -> Sizes:
        """Return how much the file has: see bayou.storage.replica.care."""
        return sizes(self, self.csn, by_table=by_table)

    def has_room(self, min_free_bytes: int) -> bool:
        """Whether so many bytes are left on the file system."""
        return free_bytes(self.path) >= min_free_bytes

    def check(self) -> None:
        """Raise InvariantBroken where the file contradicts itself: walks all of it. What was carried out, and
        not kept yet, counts."""
        found = next(examine(self), None)
        require(found is None, f"{self.path}: {found}")

    # Ending.

    def close(self) -> None:
        """Let go of the file, which then says that it was closed. What was not kept is undone. May be called
        twice."""
        database = self.database
        if database.failure is None:
            try:
                database.roll_back()
                database.begin()
                self._transactions += 1
                database.set_meta(clean=1, transactions=self._transactions)
                database.commit()
                self._note()
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error:
                pass  # nothing is lost: the next start finds the log of SQLite
        self.abandon()

    def disown(self) -> None:
        """In the child of a fork: let go of the lock, which stays with the parent, and of nothing else."""
        self._lock.close(is_shared=True)

    def abandon(self) -> None:
        """Let go of the file as a crash would."""
        self.database.close()
        self.database.failure = self.database.failure or StorageFailed(f"{self.path} is closed")
        self._lock.close()
