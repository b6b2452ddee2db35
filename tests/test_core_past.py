"""The past of a replica: folding, truncation, and bases that are received, against a replay of all
commitments."""

from __future__ import annotations

from random import Random

import pytest

from bayou.core.errors import PeerError
from bayou.core.name import ROOT, Name
from bayou.core.past import LAST, Base, BasePosition, Chunk, MemoryPast
from bayou.core.replica import COMMITTED, TENTATIVE, UNKNOWN, Replica
from bayou.core.values import Value, text_value
from bayou.core.vector import LiveVector, VersionVector
from bayou.core.write import DELETE, PUT, Write

KEYS = ("a", "b", "c", "d", "e")


class Town:
    """Replicas that tell each other what they know, by log or by base, in any order; ``order`` is the one
    order of commitment, as the primary made it."""

    def __init__(self, seed: int, servers: int = 3) -> None:
        self.rng = Random(seed)
        self.replicas = [Replica(ROOT)]
        self.journals: dict[Name, list[object]] = {}
        self.order: list[Write] = []
        self.bases = 0
        self.alone: Replica | None = None
        while len(self.replicas) < servers:
            creator = self.rng.choice(self.replicas)
            newcomer = Replica(creator.create().created)
            self.note(creator)
            self.replicas.append(newcomer)
            newcomer.apply(creator.beyond(0, newcomer.vector))
            self.note(newcomer)

    def note(self, replica: Replica) -> None:
        """Keep what a replica journals, and the order of commitment where the primary has made it."""
        self.journals.setdefault(replica.name, []).extend(replica.take_journal())
        if replica.is_primary:
            for csn in range(len(self.order), replica.csn):
                self.order += replica.log.stable(csn, csn + 1)

    def tell(self, sender: Replica, receiver: Replica, *, rows_max: int) -> None:
        """An exchange, perhaps broken off: rows of the base where the log does not go back so far, then the
        log."""
        for _ in range(40):
            if sender.past.omitted_csn <= receiver.csn:
                items = sender.beyond(receiver.csn, receiver.vector)
                stop = self.rng.randint(0, len(items)) if self.rng.random() < 0.3 else len(items)
                receiver.apply(items.slice(0, stop))
                break
            incoming = receiver.past.incoming
            position = None if incoming is None else incoming.position
            chunk, end = sender.base_chunk(receiver.csn, position, rows_max, 1 << 20)
            if receiver.receive_base(chunk) and end is not None:
                self.bases += receiver.install(end)
            if self.rng.random() < 0.2:
                break
        self.note(receiver)

    def step(self) -> None:
        """Something happens at one replica, or between two."""
        rng = self.rng
        if rng.random() < 0.1:
            self.alone = rng.choice((None, *self.replicas))
        at = rng.choice(self.replicas)
        what = rng.random()
        if what < 0.3:
            key = rng.choice(KEYS)
            if rng.random() < 0.7:
                at.put("notes", key, text_value(str(rng.getrandbits(20))))
            else:
                at.delete("notes", key)
        elif what < 0.7:
            sender = rng.choice(self.replicas)
            if self.alone not in (sender, at):
                self.tell(sender, at, rows_max=rng.choice((1, 1, 2, 100)))
        elif what < 0.78:
            at = self.replicas[0]
            at.mark()
        elif what < 0.86:
            at.fold(rng.randint(0, at.csn), rows_max=rng.choice((None, None, 1, 3)))
        elif what < 0.94:
            if rng.random() < 0.5:
                at.fold()
            at.truncate(at.csn - min(rng.randint(0, 3), at.csn))
        elif what < 0.98:
            at.drop_marks(rng.randint(0, at.csn))
        else:
            at.drop_incoming()
        self.note(at)

    def expected(self, replica: Replica, *, committed_only: bool) -> dict[str, Value]:
        """Replay: the first commitments, and in the full view the tentative writes."""
        rows: dict[str, Value] = {}
        writes = self.order[: replica.csn]
        if not committed_only:
            writes = writes + sorted(replica.log.tentative)
        for write in writes:
            if write.kind == PUT:
                rows[write.key] = write.value  # type: ignore[assignment]
            elif write.kind == DELETE:
                rows.pop(write.key, None)
        return rows

    def check(self, replica: Replica) -> None:
        """All that must hold of a replica at any time."""
        replica.check()
        past, base = replica.past, replica.past.base
        assert past.omitted_csn <= base.csn <= replica.csn
        assert past.marks_from <= base.csn
        learned = LiveVector({ROOT: 0})
        for write in self.order[: base.csn]:
            learned.learn(write)
        assert learned.snapshot() == base.vector
        assert base.clock == max((write.stamp for write in self.order[: base.csn]), default=0)
        for csn in range(past.omitted_csn, replica.csn):
            assert replica.log.stable(csn, csn + 1) == [self.order[csn]]
        for committed_only in (False, True):
            expected = self.expected(replica, committed_only=committed_only)
            seen = list(replica.rows("notes", committed_only=committed_only))
            assert {key: value for key, value, *_ in seen} == expected
            assert [key for key, *_ in seen] == sorted(expected)
            for key in KEYS:
                assert replica.get("notes", key, committed_only=committed_only) == expected.get(key)
        committed = set(self.order[: replica.csn])
        for write in committed | set(replica.log.tentative):
            state, csn = replica.standing_of(write.stamp, write.server)  # type: ignore[assignment]
            assert state == (COMMITTED if write in committed else TENTATIVE)
            assert csn is None or self.order[csn - 1] == write


@pytest.mark.parametrize("seed", range(60))
def test_replicas_with_a_past_are_what_a_replay_makes(seed: int) -> None:
    town = Town(seed)
    for _ in range(120):
        town.step()
        for replica in town.replicas:
            town.check(replica)
    for replica in town.replicas:
        again = Replica(replica.name)
        for record in town.journals[replica.name]:
            again.redo(record)  # type: ignore[arg-type]
        again.check()
        assert (again.csn, again.vector, again.primary) == (replica.csn, replica.vector, replica.primary)
        assert again.past.base == replica.past.base
        assert again.past.incoming == replica.past.incoming
        assert list(again.log) == list(replica.log)
    for _ in range(3):
        for sender in town.replicas:
            for receiver in town.replicas:
                for _ in range(30):
                    town.tell(sender, receiver, rows_max=100)
        for replica in town.replicas:
            replica.mark()
            town.note(replica)
    for replica in town.replicas:
        town.check(replica)
        assert replica.csn == len(town.order)
        assert replica.vector == town.replicas[0].vector


def test_these_towns_see_bases_of_both_kinds() -> None:
    """Bases from nothing and of what changed since; interrupted, resumed at another server, begun afresh."""
    seen = {"from nothing": 0, "since": 0, "installed": 0}
    for seed in range(60):
        town = Town(seed)
        for _ in range(120):
            town.step()
        for journal in town.journals.values():
            for record in journal:
                if isinstance(record, Chunk):
                    seen["since" if record.after.since else "from nothing"] += 1
        seen["installed"] += town.bases
    assert min(seen.values()) > 10, seen


def full(count: int = 4) -> Replica:
    """A primary with a row for each CSN, folded."""
    replica = Replica(ROOT)
    for number in range(count):
        replica.put("notes", str(number), text_value("v"))
    replica.fold()
    return replica


def test_a_transfer_goes_on_only_where_the_base_is_as_new_as_it_was() -> None:
    ahead, behind = full(4), full(4)
    behind_chunk = behind.base_chunk(0, BasePosition(0, 2, "notes", "1", 4, 4), 10, 1 << 20)[0]
    assert behind_chunk.after.csn == 2, "it goes on"
    for replica in (ahead,):
        replica.put("notes", "0", text_value("w"))
    position = BasePosition(0, 2, "notes", "1", 5, 5)
    assert behind.base_chunk(0, position, 10, 1 << 20)[0].after == BasePosition.beginning(0), (
        "it begins afresh"
    )


def test_a_transfer_begins_afresh_where_marks_are_gone_that_it_would_tell() -> None:
    replica = full(6)
    replica.delete("notes", "5")
    replica.fold()
    replica.drop_marks(4)
    chunk, end = replica.base_chunk(3, None, 10, 1 << 20)
    assert chunk.after == BasePosition.beginning(0)
    chunk, end = replica.base_chunk(4, None, 10, 1 << 20)
    assert chunk.after == BasePosition.beginning(4)
    assert chunk.rows == [("notes", "4", text_value("v"), 5), ("notes", "5", None, 7)]
    assert end is not None
    assert end.csn == 7
    assert replica.base_chunk(3, BasePosition(2, 3, LAST, "", 7, 2), 9, 99)[
        0
    ].after == BasePosition.beginning(0)


def test_a_transfer_from_nothing_goes_on_though_older_marks_are_gone() -> None:
    """By its place alone it would begin afresh with each chunk, for ever; what it has got so far is of a
    base in which these deletions had been made already."""
    replica = full(6)
    replica.delete("notes", "0")
    replica.put("notes", "6", text_value("v"))
    replica.fold()
    replica.drop_marks(7)
    receiver = Replica(ROOT.child(99))
    for _ in range(7):
        incoming = receiver.past.incoming
        position = None if incoming is None else incoming.position
        chunk, end = replica.base_chunk(0, position, 1, 1 << 20)
        assert receiver.receive_base(chunk)
        if end is not None:
            break
    assert end is not None
    replica.delete("notes", "1")
    replica.fold()
    replica.drop_marks(9)
    incoming = receiver.past.incoming
    assert incoming is not None
    assert incoming.position.floor == 8
    assert replica.base_chunk(0, incoming.position, 1, 1 << 20)[0].after.is_beginning, "it may have that row"


def test_chunks_are_bounded_and_never_empty_before_the_end() -> None:
    replica = full(5)
    position = None
    found = []
    for _ in range(5):
        chunk, end = replica.base_chunk(0, position, 10, 1)
        assert len(chunk.rows) == 1
        found += chunk.rows
        position = chunk.incoming(None).position
        assert (end is None) == (len(found) < 5)
    assert [csn for _, _, _, csn in found] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(
            BasePosition.beginning(0), [("n", "b", text_value("1"), 2), ("n", "a", text_value("1"), 1)], 3, 0
        ),
        Chunk(BasePosition.beginning(0), [("n", "b", text_value("1"), 4)], 3, 0),
        Chunk(BasePosition.beginning(0), [], 3, 4),
        Chunk(BasePosition.beginning(-1), [], 3, 0),
        Chunk(BasePosition.beginning(7), [], 9, 0),
        Chunk(BasePosition(0, 1 << 63, "n", "a", 0, 0), [], 3, 0),
    ],
)
def test_rows_that_no_base_has_are_refused(chunk: Chunk) -> None:
    replica = Replica(ROOT)
    with pytest.raises(PeerError):
        replica.receive_base(chunk)
    assert replica.past.incoming is None


def test_a_base_that_lacks_what_was_committed_is_refused() -> None:
    replica = Replica(ROOT.child(1))
    known = Replica(ROOT)
    known.create()
    known.put("notes", "a", text_value("v"))
    replica.apply(known.beyond(0, replica.vector))
    assert replica.receive_base(Chunk(BasePosition.beginning(0), [("notes", "b", text_value("1"), 7)], 7, 0))
    for base in (
        Base(7, VersionVector({ROOT: 1, ROOT.child(1): 1}), (ROOT,), 0, 9),
        Base(0, VersionVector({ROOT: 1, ROOT.child(1): 1}), (ROOT,), 0, 9),
        Base(7, VersionVector({ROOT.child(9): 4}), (ROOT,), 0, 9),
    ):
        with pytest.raises(PeerError):
            replica.install(base)
    assert replica.csn == 2


def test_rows_of_an_older_base_that_come_late_are_left_aside() -> None:
    """They were asked for before rows of a newer one had come as far; with them, the older one would end a
    transfer that has newer rows."""
    older, newer, receiver = full(4), full(4), Replica(ROOT.child(9))
    newer.put("notes", "0", text_value("w"))
    newer.fold()
    first, _ = older.base_chunk(0, None, 2, 1 << 20)
    assert receiver.receive_base(first)
    late, end = older.base_chunk(0, receiver.past.incoming.position, 9, 1 << 20)  # type: ignore[union-attr]
    assert end is not None
    receiver.drop_incoming()
    afresh, _ = newer.base_chunk(0, None, 2, 1 << 20)
    assert [row[1] for row in afresh.rows] == ["1", "2"]
    assert receiver.receive_base(Chunk(afresh.after, [*first.rows], afresh.base, 0)), "as far as the other"
    assert not receiver.receive_base(late)
    assert receiver.past.incoming is not None
    assert receiver.past.incoming.position.seen == 5


def test_a_base_that_is_not_newer_is_thrown_away() -> None:
    sender, receiver = full(3), Replica(ROOT.child(9))
    chunk, end = sender.base_chunk(0, None, 10, 99)
    assert end is not None
    receiver.apply(sender.beyond(0, VersionVector({ROOT: 0})))
    assert receiver.receive_base(chunk)
    assert receiver.install(end) is False
    assert receiver.past.incoming is None


def test_standing_of_what_nobody_has_heard_of() -> None:
    assert full().standing_of(99, ROOT) == (UNKNOWN, None)
    assert full().standing_of(2, ROOT) == (COMMITTED, None)


def test_rows_page_by_page() -> None:
    replica = full(5)
    replica.put("notes", "2x", text_value("w"))
    replica.delete("notes", "3")
    assert [key for key, *_ in replica.rows("notes", after="1", count=2)] == ["2", "2x"]
    assert [key for key, *_ in replica.rows("notes", "2")] == ["2", "2x"]
    assert [key for key, *_ in replica.rows("notes")] == ["0", "1", "2", "2x", "4"]
    assert list(replica.rows("other")) == []
    assert replica.collections() == ["notes"]


def test_the_past_in_memory_finds_its_own_mistakes() -> None:
    replica = full(3)
    past = replica.past
    assert isinstance(past, MemoryPast)
    past.check()
    past._rows["notes", "1"] = ("notes", "1", text_value("x"), 2)
    from bayou.core.errors import InvariantBroken

    with pytest.raises(InvariantBroken):
        past.check()
