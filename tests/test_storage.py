"""The journal: a batch is there as a whole or not at all, and damage is told from a torn end."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.past import (
    Base,
    BasePosition,
    Bounded,
    Chunk,
    Folded,
    IncomingDropped,
    Installed,
    MarksDropped,
    Truncated,
)
from bayou.core.vector import VersionVector
from bayou.core.votes import Decree, Vote, first_vote
from bayou.core.write import CREATION, DELETE, GROUP, PUT, RETIREMENT, Write
from bayou.families.store.keeping import RECORDS as KINDS
from bayou.families.store.keeping import TOGETHER, StoreKeeping
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.node.records import (
    Activated,
    Aiming,
    Answered,
    Asking,
    ConsentGiven,
    CreatedFor,
    Named,
    Promised,
    Voted,
)
from bayou.node.server import Server
from bayou.storage.journal import HEADER, PREFIX_BYTES, Journal, JournalDamaged
from bayou.storage.memory import Memory
from bayou.wire.codec import FEW, SHALLOW, dump
from bayou.wire.columns import WRITES_MAX, pack_name
from bayou.wire.errors import WireError
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import WorldSettings
from tests.rows import place, row

if TYPE_CHECKING:
    from bayou.machine.records import Durable

BATCHES = [b"one", b"", b"three" * 100, bytes(range(256))]


def written(path: Path, batches: list[bytes]) -> bytes:
    """Write a journal; return its bytes."""
    journal = Journal(str(path))
    assert journal.read() == []
    for batch in batches:
        journal.append(batch)
    journal.close()
    return path.read_bytes()


def reread(path: Path) -> list[bytes]:
    """Open a journal anew; return its batches."""
    journal = Journal(str(path))
    try:
        return journal.read()
    finally:
        journal.close()


def ends(batches: list[bytes]) -> list[int]:
    """Return where in the file the header and each batch end."""
    at = [len(HEADER)]
    for batch in batches:
        at.append(at[-1] + PREFIX_BYTES + len(batch))
    return at


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = written(path, BATCHES)
    assert reread(path) == BATCHES
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_cut_anywhere_has_all_whole_batches_and_goes_on(tmp_path: Path) -> None:
    """The last batch may be torn; then the next one takes its place."""
    path = tmp_path / "journal"
    data = written(path, BATCHES)
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        whole = BATCHES[: sum(end <= size for end in ends(BATCHES)[1:])]
        journal = Journal(str(path))
        assert journal.read() == whole, size
        journal.append(b"next")
        journal.close()
        assert reread(path) == [*whole, b"next"], size


def test_a_last_batch_with_wrong_bytes_is_torn(tmp_path: Path) -> None:
    """Its length reached the disk, and not all of the rest."""
    path = tmp_path / "journal"
    data = written(path, BATCHES)
    start, end = ends(BATCHES)[-2:]
    for at in range(start + PREFIX_BYTES, end):
        path.write_bytes(data[:at] + b"\xee" + data[at + 1 :] if data[at] != 0xEE else data)
        assert reread(path) in (BATCHES[:-1], BATCHES)


@settings(max_examples=200)
@given(at=st.integers(0, 10_000), to=st.integers(0, 255))
def test_damage_before_the_end_is_refused_and_the_file_left_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, at: int, to: int
) -> None:
    """Not a byte of what may be saved by hand is lost."""
    path = tmp_path_factory.mktemp("journal") / "journal"
    data = written(path, BATCHES)
    at %= ends(BATCHES)[-2]
    if data[at] == to:
        return
    damaged = data[:at] + bytes([to]) + data[at + 1 :]
    path.write_bytes(damaged)
    with pytest.raises(JournalDamaged, match=str(path)):
        reread(path)
    assert path.read_bytes() == damaged


def test_another_file_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("dear diary, today")
    with pytest.raises(JournalDamaged, match="no journal of this version"):
        reread(path)


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    journal = Journal(str(path))
    journal.read()
    journal.append(b"before")
    real = os.pwrite

    def full(fd: int, data: memoryview, at: int) -> int:
        if len(data) > 5:
            return real(fd, data[:5], at)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        journal.append(b"does not fit")
    monkeypatch.undo()
    journal.append(b"after")
    journal.close()
    assert reread(path) == [b"before", b"after"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no disk that is always full")
def test_a_disk_that_is_full_in_earnest() -> None:
    """It can't even be cut: the error is that it is full."""
    journal = Journal("/dev/full", is_synced=False)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            journal.append(b"does not fit")
        assert journal.size_bytes == 0
    journal.close()


def test_a_damaged_journal_without_a_name_has_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = written(path, BATCHES)
    path.write_bytes(data[: len(HEADER)] + b"\xff" + data[len(HEADER) + 1 :])
    with pytest.raises(JournalDamaged, match=r"behind it; restore the file from a backup$"):
        reread(path)
    journal = Journal("the journal of server 1", fd=os.open(path, os.O_RDWR))
    with pytest.raises(JournalDamaged, match=r"^the journal of server 1 is damaged: .* begin another run$"):
        journal.read()
    journal.close()


def test_of_facts_about_the_same_the_last_one_is_kept() -> None:
    """Twenty thousand writes of a session leave one answer behind."""
    name = ROOT.child(1)
    memory = Memory([Named(ROOT), Promised(name)])
    for number in range(20_000):
        memory.append([Answered(7, number, 1, ROOT)])
    memory.append([Promised(name), Answered(8, 0, 1, ROOT)])
    assert list(memory) == [
        Named(ROOT), Answered(7, 19_999, 1, ROOT), Promised(name), Answered(8, 0, 1, ROOT),
    ]  # fmt: skip


KEEPING = StoreKeeping()

INSTALLED = Installed(Base(7, VersionVector({ROOT: 9}), (ROOT,), 0, 9), 0)

RECORDS: list[Durable] = [
    Named(ROOT),
    Asking(None, 3, 77),
    Asking(ROOT, 3, 78),
    Aiming(4, VersionVector({ROOT: 9})),
    Activated(),
    Answered(7, 2, 5, ROOT.child(1)),
    Promised(ROOT),
    CreatedFor(77, Write(6, ROOT, CREATION, "", "", None)),
    Items(2, [Write(1, ROOT, PUT, *row("song", "url"))], [Write(8, ROOT, DELETE, *place("song"), None)]),
    Folded(3),
    Truncated(2),
    MarksDropped(1),
    Chunk(BasePosition.beginning(0), [(*row("song", "url"), 5), (*place("gone"), None, 6)], 7, 2),
    IncomingDropped(),
    INSTALLED,
    Bounded(3),
    Voted(first_vote(ROOT, 7)),
    Voted(Vote(ROOT, 7, 2, ROOT.child(1), Decree(1, ROOT, 8, VersionVector({ROOT: 9})))),
    ConsentGiven(7),
]


def test_a_batch_comes_back_as_it_went() -> None:
    """Records of every kind, in their order."""
    assert {type(record) for record in RECORDS} == set[type](KINDS.values())
    assert KEEPING.unpack(KEEPING.pack(RECORDS)) == RECORDS


def test_bytes_that_are_no_batch_are_refused() -> None:
    """Cut anywhere, or with a record that nobody knows."""
    batch = KEEPING.pack(RECORDS)
    for size in range(len(batch)):
        with pytest.raises(WireError):
            KEEPING.unpack(batch[:size])
    with pytest.raises(WireError):
        KEEPING.unpack(b"\xff" + batch[1:])


WRITE = (1, (), PUT, *row("song", "url"))
ANSWER = (7, 2, "ok", None, None, 5, pack_name(ROOT.child(1)))


@pytest.mark.parametrize(
    "plain",
    [
        None,
        7,
        (),
        (None, 7),
        (None, (99,)),
        (None, ("1", 2)),
        (None, (2,)),
        (None, (2, (), ())),
        (None, (3, 1)),
        (None, (1, 0, 1, 0, None)),
        (None, (1, 0, 1, 0)),
        ((False,), (1, 0, 1, 0, None)),
        ((False, WRITE), (1, -1, 1, 0, None)),
        ((False, WRITE), (1, "0", 1, 0, None)),
        ((False, WRITE), (1, 0, 1, 1, None)),
        ((False, WRITE), (1, 0, -1, 2, None)),
        ((False, WRITE), (1, 0, 0, 1, None), (1, 0, 0, 1, None)),
        ((False, WRITE[:4]), (1, 0, 0, 1, None)),
        ((False, (0, *WRITE[1:])), (1, 0, 0, 1, None)),
        ((True, WRITE), (1, 0, 0, 1, None)),
        ((), (1, 0, 0, 1, None)),
        (None, (4, *ANSWER[:3])),
        (None, (4, (), *ANSWER[1:])),
        (None, (4,)),
    ],
)
def test_plain_data_that_is_no_batch_is_refused(plain: object) -> None:
    batch = dump(plain)
    with pytest.raises(WireError):
        KEEPING.unpack(batch)
    with pytest.raises(WireError):
        list(KEEPING.restore([batch]))


def test_plain_data_that_is_a_batch() -> None:
    """What is spoilt above is fine unspoilt."""
    write = Write(1, ROOT, PUT, *row("song", "url"))
    assert KEEPING.unpack(dump(((False, WRITE), (1, 0, 0, 1, None)))) == [Items(0, [], [write])]
    assert KEEPING.unpack(dump((None, (1, 0, 1, 0, (False, WRITE))))) == [Items(0, [write], [])]
    assert KEEPING.unpack(dump((None, (4, *ANSWER)))) == [Answered(7, 2, 5, ROOT.child(1))]


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, TOGETHER, TOGETHER + 1, 3 * WRITES_MAX + 1])
def test_any_number_of_writes_comes_back(count: int) -> None:
    """A primary may mark more at once than fits into one message."""
    writes = [Write(at + 1, ROOT, PUT, *row(f"song{at}", "url")) for at in range(count)]
    apart = [Items(at, [write], []) for at, write in enumerate(writes)]
    for records in ([Items(0, writes, [])], [Items(0, [], writes)], apart):
        assert KEEPING.unpack(KEEPING.pack(records)) == records


def test_writes_of_servers_with_deep_names_come_back() -> None:
    deep = Name.of(tuple(range(3 * SHALLOW, 0, -1)))
    records = [Items(0, [], [Write(500 + at, deep, PUT, *row("song", "url"))]) for at in range(9)]
    assert KEEPING.unpack(KEEPING.pack(records)) == records


def test_items_that_continue_each_other_come_back_as_one() -> None:
    """But for those that name an heir, who marks on hearing of it what it has then."""
    a, b, c, d = (Write(stamp, ROOT, PUT, *row("song", "url")) for stamp in (1, 2, 3, 4))
    heir = Write(5, ROOT, RETIREMENT, "", "", ROOT.child(1))

    def back(*records: Items) -> list[object]:
        return list(KEEPING.restore([KEEPING.pack([each]) for each in records]))

    assert back(Items(0, [a], []), Items(1, [b], []), Items(2, [], [c]), Items(2, [], [d])) == [
        Items(0, [a, b], [c, d])
    ]
    apart: list[list[Items]] = [
        [Items(0, [], [a]), Items(0, [a.notice()], [])],
        [Items(0, [a], []), Items(2, [c], [])],
        [Items(0, [a], []), Items(0, [b], [])],
        [Items(0, [a], []), Items(2, [], [c])],
        [Items(0, [a], []), Items(1, [heir], []), Items(2, [b], [])],
        [Items(0, [heir], []), Items(1, [], [b])],
    ]
    for records in apart:
        assert back(*records) == records
    group = Write(6, ROOT, GROUP, "", "", "0 1")  # type: ignore[arg-type]  # a text
    for same in (
        [Items(0, [group], []), Items(1, [], [b])],
        [Items(0, [], [group]), Items(0, [group.notice()], []), Items(1, [], [b])],
    ):
        assert back(*same) == same
    assert list(KEEPING.restore([KEEPING.pack([Items(0, [a], []), Activated(), Items(1, [b], [])])])) == [
        Items(0, [a], []), Activated(), Items(1, [b], []),
    ]  # fmt: skip


def test_of_the_answers_to_a_session_the_last_comes_back_in_the_order_of_the_last_ones() -> None:
    answers = [Answered(session, number, 1, ROOT) for session, number in ((7, 1), (8, 1), (7, 2))]
    assert list(KEEPING.restore([KEEPING.pack([each, Activated()]) for each in answers])) == [
        Activated(), Activated(), Activated(), answers[1], answers[2],
    ]  # fmt: skip


SCENARIOS = [
    path
    for path in sorted(Path(__file__).parent.glob("*.test"))
    if not path.with_suffix(".config").exists()
    and "include" not in path.name
    and not path.name.startswith(("chat-", "locks-"))  # families that keep other things
]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_servers_are_restored_alike_from_batches_and_from_single_records(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any golden scenario, and in the middle of it."""
    batches: dict[Memory, list[list[Durable]]] = {}
    append = Memory.append

    def noting(self: Memory, records: list[Durable]) -> None:
        batches.setdefault(self, []).append(list(records))
        append(self, records)

    monkeypatch.setattr(Memory, "append", noting)
    world = SimulatedWorld(WorldSettings())
    run = Run(world, COMMANDS, RunSettings(str(path)), write=lambda _: None, complain=lambda _: None)
    lines = path.read_bytes().splitlines()
    for number, line in enumerate(lines, 1):
        run.line(number, line)
        if number in (len(lines) // 3, 2 * len(lines) // 3, len(lines)):
            for node, journal in world.journals.items():
                if node in world.nodes:
                    _compare(batches[journal])


def _compare(batches: list[list[Durable]]) -> None:
    one_by_one = Memory(record for batch in batches for record in batch)
    in_one_go = Memory(KEEPING.restore(map(KEEPING.pack, batches)))
    states = []
    for records in (one_by_one, in_one_go):
        server = Server.restored(1, Random(1), None, records, now=0.0)
        server.check()
        desk = vars(server._desk)
        state: list[object] = [server.name, server.is_member, desk["_answers"], [*desk["_answers"]]]
        if server.name is not None:
            replica = server.replica
            state += [list(replica.log), replica.csn, replica.vector, replica.is_primary, replica.clock.now]
            state += [replica.get(write.collection, write.key) for write in replica.log]
        states.append(state)
    assert states[0] == states[1]
