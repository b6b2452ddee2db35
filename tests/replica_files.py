"""Files of replicas for tests, and the twin that a file is compared with after each step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bayou.core.group import Group, sorted_members
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.past import (
    LAST,
    NO_LIMIT,
    Base,
    BasePosition,
    Bounded,
    Chunk,
    Folded,
    IncomingDropped,
    Installed,
    MarksDropped,
    MemoryPast,
    Truncated,
)
from bayou.core.values import text_value, to_value
from bayou.core.vector import VersionVector
from bayou.core.write import CREATION, DELETE, GROUP, PUT, RETIREMENT, Write
from bayou.families.store.keeping import StoreKeeping
from bayou.node.records import Activated, Answered, CreatedFor, Named, Promised
from bayou.storage.replica.file import ReplicaFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random
    from typing import Any

    from bayou.core.past import BaseRow
    from bayou.core.values import Value
    from bayou.machine.records import Durable

KEEPING = StoreKeeping()

COLLECTIONS = ("playlist", "notes", "a", "z_9-")
KEYS = (
    "a", "b", "ab", "abc", "é", "caf\udce9", "caf\udce9\udc80", "\ud7ff", "\udcff", "\ue000", "\uffff",
    "\U0001f600", "\U0010ffff", "\U0010ffffa", "nul\0in", "nul\0", "x" * 1024, "%", "_", "'", '"', "", " ",
)  # fmt: skip
VALUES: tuple[Value, ...] = (
    text_value("http://x"), text_value("caf\udce9"), text_value("\0\n"), text_value("\U0001f600"),
    to_value([1, 1.0, True, None, {"a": []}]), to_value(-(1 << 63)), to_value(0), to_value(""),
)  # fmt: skip


def open_file(path: Path, **named: Any) -> ReplicaFile:
    """Open the file of a replica."""
    return ReplicaFile(str(path), KEEPING.pack, KEEPING.unpack, **named)


def first_file(path: Path) -> ReplicaFile:
    """Return the new file of a first server."""
    file = open_file(path)
    file.join_cluster("c1")
    file.keep([Named(ROOT), Activated()])
    return file


def put(stamp: int, key: str = "a", value: str = "v", *, server: Name = ROOT) -> Write:
    """Return a put into the playlist."""
    return Write(stamp, server, PUT, "playlist", key, text_value(value))


def copy_files(path: Path, folder: Path, *, suffixes: Sequence[str] = ("", "-wal", "-lock")) -> Path:
    """Copy a file, with what is beside it, as a crash at this moment leaves it."""
    folder.mkdir(exist_ok=True)
    for suffix in suffixes:
        source = Path(f"{path}{suffix}")
        if source.exists():
            (folder / source.name).write_bytes(source.read_bytes())
    return folder / path.name


def folded_rows(writes: Sequence[Write], csn: int) -> list[BaseRow]:
    """Return what writes, committed from ``csn`` + 1 on, make of the rows of a base."""
    rows: dict[tuple[str, str], BaseRow] = {}
    for at, write in enumerate(writes, csn + 1):
        if write.kind <= DELETE:
            value: Any = write.value
            rows[write.collection, write.key] = write.collection, write.key, value, at
    return list(rows.values())


class Twins:
    """A file, and what has to be in it: both change by the same steps, drawn at random.

    ``committed`` are the writes beyond the base, ``tentative`` the others, in accept order; ``bound`` is the
    last boundary that was told.
    """

    def __init__(self, path: Path, random: Random) -> None:
        self.path = path
        self.random = random
        self.file = open_file(path)
        self.memory = MemoryPast()
        self.name: Name | None = None
        self.committed: list[Write] = []
        self.tentative: list[Write] = []
        self.facts: dict[object, Durable] = {}
        self.answers: dict[int, Answered] = {}
        self.servers: list[Name] = [ROOT]
        self.stamps = {ROOT: 0}
        self.addresses: dict[Name, tuple[int, str]] = {}
        self.starts = 1
        self.bound = 0

    @property
    def csn(self) -> int:
        return self.memory.base.csn + len(self.committed)

    @property
    def stand(self) -> Base:
        """What a base would be that has all committed writes."""
        return self.memory.base.after(self.committed)

    @property
    def boundary(self) -> int:
        """Up to where may be folded."""
        stand = self.stand
        return self.csn if len(stand.group) == 1 else max(self.bound, stand.epoch)

    # What is drawn.

    def write(self, server: Name | None = None) -> Write:
        """Return a write that nobody has yet."""
        random = self.random
        server = server or random.choice(self.servers)
        stamp = self.stamps[server] = random.randrange(1, 4) + (
            max(self.stamps.values()) if random.random() < 0.7 else self.stamps[server]
        )
        kind = random.choices((PUT, DELETE, CREATION, RETIREMENT, GROUP), (12, 4, 2, 1, 1))[0]
        if kind == CREATION:
            made = server.child(stamp)
            self.servers.append(made)
            self.stamps[made] = stamp
            return Write(stamp, server, CREATION, "", "", None)
        if kind == RETIREMENT and server is not ROOT and server is not self.name:
            return Write(stamp, server, RETIREMENT, "", "", random.choice((None, *self.servers)))
        if kind == GROUP:
            members = sorted_members(
                random.sample(self.servers, min(len(self.servers), random.choice((1, 3))))
            )
            text: Any = Group(random.choice((self.stand.epoch, 0)), members).text
            return Write(stamp, server, GROUP, "", "", text)
        key, value, kind = random.choice(KEYS), random.choice(VALUES), min(kind, DELETE)
        return Write(stamp, server, kind, random.choice(COLLECTIONS), key, value if kind == PUT else None)

    def items(self) -> list[Items]:
        """Return items that go on from here, and take them in: writes of one server in its own order."""
        random, found = self.random, []
        for _ in range(random.randrange(1, 4)):
            csn, told = self.csn, []
            for _ in range(random.choice((0, 1, 2, 5, len(self.tentative)))):
                write = self.next_of(random.choice(self.servers))
                if write in self.tentative:
                    self.tentative.remove(write)
                    told.append(write.notice())
                else:
                    told.append(write)
                self.committed.append(write)
            if random.random() < 0.2:
                self.committed += self.tentative
                told += [write.notice() for write in self.tentative]
                self.tentative.clear()
            accepted = [self.write() for _ in range(random.choice((0, 0, 1, 2, 70)))]
            self.tentative = sorted(self.tentative + accepted)
            found.append(Items(csn, told, accepted))
        return found

    def next_of(self, server: Name) -> Write:
        """Return the next write of a server to be committed: a tentative one if there is one."""
        return next((write for write in self.tentative if write.server is server), None) or self.write(server)

    def rows(self, after: tuple[int, str, str], count: int, upto: int) -> list[BaseRow]:
        """Return rows of a base on their way, in their order."""
        found: list[BaseRow] = []
        for _ in range(count):
            value = self.random.choice((None, *VALUES))
            place = (
                self.random.randint(after[0], upto),
                self.random.choice(COLLECTIONS),
                self.random.choice(KEYS),
            )
            if place > after:
                found.append((place[1], place[2], value, place[0]))
        by_place = {(row[3], row[0], row[1]): row for row in found}
        return [by_place[place] for place in sorted(by_place)]

    # Steps, each of them a turn.

    def step(self) -> None:
        """Take a step."""
        steps = (
            (self.step_items, 8), (self.step_fold, 5), (self.step_truncate, 2), (self.step_drop_marks, 2),
            (self.step_receive, 4), (self.step_forget, 1), (self.step_install, 2), (self.step_facts, 3),
            (self.step_reopen, 1), (self.step_nothing, 1), (self.step_undone, 1),
        )  # fmt: skip
        self.random.choices([step for step, _ in steps], [weight for _, weight in steps])[0]()

    def step_nothing(self) -> None:
        before = self.file.database.number("transactions")
        self.file.keep([])
        assert self.file.database.number("transactions") == before

    def step_items(self) -> None:
        records: list[Durable] = [*self.items()]
        if self.random.random() < 0.5:
            answer = Answered(
                self.random.choice((1, 2, 3, -5, 1 << 63, 1 << 400)),
                self.random.choice((1, 2, 1 << 64)),
                self.random.randrange(9),
                self.random.choice(self.servers),
            )
            self.answers.pop(answer.session, None)
            self.answers[answer.session] = answer
            records.insert(self.random.randrange(len(records) + 1), answer)
        if self.random.random() < 0.3:
            self.bound = self.random.randint(self.boundary, self.csn)
            records.append(Bounded(self.bound))
        self.file.keep(records)

    def step_facts(self) -> None:
        records: list[Durable] = []
        for _ in range(self.random.randrange(1, 3)):
            fact = self.random.choice(
                (
                    Promised(self.random.choice(self.servers)),
                    CreatedFor(self.random.choice((1, 2, 1 << 70)), Write(1, ROOT, CREATION, "", "", None)),
                    Activated(),
                )
            )
            self.facts.pop(fact.key, None)
            self.facts[fact.key] = fact
            records.append(fact)
        if self.name is None and self.random.random() < 0.5:
            self.name = self.random.choice((ROOT, self.servers[-1]))
            records.append(Named(self.name))
        server = self.random.choice(self.servers)
        if self.random.random() < 0.5:
            self.addresses[server] = self.random.randrange(1 << 40), "[::1]:1 h:2"
            self.file.put_address(server, *self.addresses[server])
        elif self.addresses.pop(server, None):
            self.file.drop_address(server)
        self.file.keep(records)

    def step_fold(self) -> None:
        count = self.random.randint(0, max(0, self.boundary - self.memory.base.csn))
        if not count:
            return
        before, writes = self.memory.base, self.committed[:count]
        base = before.after(writes)
        for past in (self.memory, self.file):
            past.fold(writes, folded_rows(writes, before.csn), base)
        del self.committed[:count]
        self.compare_past()
        self.file.keep([Folded(base.csn)])

    def step_truncate(self) -> None:
        upto = self.random.randint(self.memory.omitted_csn, self.memory.base.csn)
        for past in (self.memory, self.file):
            past.truncate(upto)
        self.file.keep([Truncated(upto)])

    def step_drop_marks(self) -> None:
        upto = self.random.randint(self.memory.marks_from, self.memory.base.csn)
        for past in (self.memory, self.file):
            past.drop_marks(upto)
        self.file.keep([MarksDropped(upto)])

    def step_receive(self) -> None:
        before = self.memory.incoming
        if before is None or self.random.random() < 0.2:
            before, after = None, BasePosition.beginning(self.random.choice((0, 0, self.csn)))
        else:
            after = before.position
        upto = max(after.csn, self.csn) + self.random.randrange(20)
        chunk = Chunk(after, self.rows(after.place, self.random.choice((0, 1, 5, 40)), upto), upto, upto // 2)
        incoming = chunk.incoming(before)
        for past in (self.memory, self.file):
            past.receive(chunk, incoming)
        self.file.keep([chunk])

    def step_forget(self) -> None:
        for past in (self.memory, self.file):
            past.forget_incoming()
        self.file.keep([IncomingDropped()])

    def step_install(self) -> None:
        incoming = self.memory.incoming
        if incoming is None:
            return
        csn = max(incoming.position.seen, self.csn + 1)
        before = self.memory.base.vector
        known = dict(zip(before.names, before.stamps, strict=True))
        for write in self.committed:
            known[write.server] = write.stamp
        for server in self.servers:
            if server in known or self.random.random() < 0.6:
                known[server] = self.random.randint(known.get(server, 0), self.stamps[server])
        base = Base(
            csn, VersionVector(known), (self.random.choice(self.servers),), 0, max(self.stamps.values())
        )
        records: list[Durable] = []
        for past in (self.memory, self.file):
            past.install(base, incoming.marks_from)
        self.bound = csn
        self.committed.clear()
        self.tentative = [
            write for write in self.tentative if write.stamp > base.vector.completed(write.server)
        ]
        records.append(Installed(base, 0))
        if self.random.random() < 0.3:
            records += self.items()
        self.file.keep(records)

    def step_undone(self) -> None:
        """What was carried out, and never kept, is not there after a crash."""
        self.file.truncate(self.memory.base.csn)
        self.file.drop_marks(self.memory.base.csn)
        self.file.forget_incoming()
        self.reopen(is_clean=self.random.random() < 0.5)

    def step_reopen(self) -> None:
        self.reopen(is_clean=self.random.random() < 0.5)

    def reopen(self, *, is_clean: bool) -> None:
        if is_clean:
            self.file.close()
        else:
            self.file.abandon()
        self.file = open_file(self.path)
        self.starts += 1
        assert self.file.was_clean is is_clean
        assert self.file.starts == self.starts
        assert not self.file.is_new

    # What has to be the same.

    def compare(self) -> None:
        """AssertionError where the file is not what it has to be."""
        self.compare_past()
        loaded = self.file.load()
        assert loaded.name is self.name is self.file.name
        assert loaded.items == Items(self.memory.base.csn, self.committed, self.tentative)
        assert list(loaded.answers) == sorted(self.answers.values(), key=list(self.answers.values()).index)
        assert loaded.facts == list(self.facts.values())
        assert self.file.csn == self.file.kept_csn == self.csn
        assert self.file.boundary == self.bound
        assert loaded.boundary == (self.bound if self.bound > self.memory.base.csn else 0)
        assert self.file.tentative_count == len(self.tentative)
        assert {name: (version, text) for name, version, text in self.file.addresses()} == self.addresses
        assert self.file.is_member == any(isinstance(fact, Activated) for fact in self.facts.values())

    def compare_past(self) -> None:
        """As ``compare``, for the past alone."""
        file, memory, random = self.file, self.memory, self.random
        base = file.base
        assert (base, base.vector.names) == (memory.base, memory.base.vector.names)
        assert (file.omitted_csn, file.marks_from, file.incoming) == (
            memory.omitted_csn,
            memory.marks_from,
            memory.incoming,
        )
        for size in (0, random.randrange(1, 60), NO_LIMIT):
            for start in {memory.omitted_csn, random.randint(memory.omitted_csn, base.csn)}:
                stop = random.randint(start, base.csn)
                assert file.committed(start, stop, size) == memory.committed(start, stop, size)
        place = (0, "", "")
        while found := memory.rows_after(place, random.randrange(1, 50), limit := random.randrange(1, 2000)):
            assert file.rows_after(place, len(found), limit) == found
            place = (found[-1][3], found[-1][0], found[-1][1])
        assert file.rows_after(place, 5, 5) == []
        middle = BasePosition.beginning(random.randint(0, base.csn)).place
        assert middle[1] == LAST
        assert file.rows_after(middle, 9, NO_LIMIT) == memory.rows_after(middle, 9, NO_LIMIT)
        for collection in (*COLLECTIONS, "none"):
            for prefix in ("", "a", "caf", "caf\udce9", "\U0010ffff", "nul\0", random.choice(KEYS)):
                after = random.choice((None, "", *KEYS))
                count = random.randrange(1, 30)
                assert file.rows_under(collection, prefix, after, count) == memory.rows_under(
                    collection, prefix, after, count
                ), (collection, prefix, after)
            for key in random.sample(KEYS, 3):
                assert file.row(collection, key) == memory.row(collection, key)
        assert file.collections() == memory.collections()
        marks = sorted(row[3] for row in memory.rows_after((0, "", ""), 1 << 30, NO_LIMIT) if row[2] is None)
        for kept in (0, 3, len(marks)):
            assert file.mark_csn(kept) == (marks[-kept - 1] if kept < len(marks) else None)

    def close(self) -> None:
        self.file.close()
