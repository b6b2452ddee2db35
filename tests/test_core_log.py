"""The log and the database against a twin that replays everything."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayou.core.database import Database
from bayou.core.errors import InvariantBroken, PeerError
from bayou.core.items import Items
from bayou.core.log import WriteLog
from bayou.core.name import ROOT, Name
from bayou.core.sortedwrites import SortedWrites
from bayou.core.vector import START, VersionVector
from bayou.core.write import CREATION, DELETE, NOTICE, PUT, RETIREMENT, Write
from tests.rows import asked, place, row, text_value

A, B = ROOT.child(1), ROOT.child(2)


def put(stamp: int, server: Name = ROOT, song: str = "s", url: str = "u") -> Write:
    return Write(stamp, server, PUT, *row(song, url))


class Pair:
    """A log with its database, and beside them plain lists from which all is worked out anew each time."""

    def __init__(self, short_max: int) -> None:
        self.log = WriteLog(short_max=short_max)
        self.database = Database(short_max=short_max)
        self.committed: list[Write] = []
        self.tentative: list[Write] = []

    def add(self, write: Write) -> None:
        self.log.add(write)
        if write.kind <= DELETE:
            self.database.tentative(write)
        self.tentative.append(write)

    def commit_new(self, write: Write) -> None:
        self.log.commit_new(write)
        if write.kind <= DELETE:
            self.database.commit_new(write)
        self.committed.append(write)

    def commit_next_of(self, server: Name) -> None:
        write = min(write for write in self.tentative if write.server is server)
        is_first = self.log.is_first(write.stamp, server)
        assert is_first == (write == min(self.tentative))
        assert self.log.commit_known(write.stamp, server) == write
        if write.kind <= DELETE:
            self.database.commit(write, is_first=is_first)
        self.tentative.remove(write)
        self.committed.append(write)

    def commit_all(self) -> None:
        self.database.commit_all(self.log.commit_all())
        self.committed += sorted(self.tentative)
        self.tentative = []

    def replay(self, *, committed_only: bool) -> dict[str, str]:
        database: dict[str, str] = {}
        for write in self.committed + ([] if committed_only else sorted(self.tentative)):
            if write.kind == PUT:
                database[write.key] = str(write.value)
            elif write.kind == DELETE:
                database.pop(write.key, None)
        return database

    def compare(self) -> None:
        assert list(self.log) == self.committed + sorted(self.tentative)
        assert len(self.log) == len(self.committed) + len(self.tentative)
        assert self.log.csn == len(self.committed)
        for committed_only in (False, True):
            expected = self.replay(committed_only=committed_only)
            for key in "abcd":
                found = self.database.get(*place(key), committed_only=committed_only)
                assert found == expected.get(key)
        self.log.check()
        self.database.check(self.log.committed, self.log.tentative)


@given(st.integers(0, 2**32), st.integers(1, 120), st.sampled_from([1, 2, 3, 1000]))
@settings(max_examples=200)
def test_log_and_views_are_what_replaying_gives(seed: int, steps: int, short_max: int) -> None:
    """Late writes, commitments in every causal order, one by one and all at once."""
    rng = random.Random(seed)
    pair = Pair(short_max)
    stamps = dict.fromkeys((ROOT, A, B), 2)
    for _ in range(steps):
        server = rng.choice((ROOT, A, B))
        if rng.random() < 0.6:
            stamps[server] += rng.randrange(1, 4)
            kind = rng.choice((PUT, PUT, DELETE, CREATION))
            write = _any_write(rng, stamps[server], server, kind)
            is_next = not any(other.server is server for other in pair.tentative)
            (pair.commit_new if is_next and rng.random() < 0.2 else pair.add)(write)
        elif rng.random() < 0.1:
            pair.commit_all()
        elif pair.tentative:
            pair.commit_next_of(rng.choice(pair.tentative).server)
        pair.compare()


def _any_write(rng: random.Random, stamp: int, server: Name, kind: int) -> Write:
    if kind == CREATION:
        return Write(stamp, server, kind, "", "", None)
    return Write(stamp, server, kind, *asked(rng.choice("abcd"), str(rng.random()) if kind == PUT else None))


@given(st.integers(0, 2**32), st.integers(0, 50))
@settings(max_examples=200)
def test_what_lies_beyond_is_what_a_walk_through_the_log_finds(seed: int, steps: int) -> None:
    rng = random.Random(seed)
    pair = Pair(2)
    stamps = dict.fromkeys((ROOT, A, B), 2)
    for _ in range(steps):
        server = rng.choice((ROOT, A, B))
        stamps[server] += rng.randrange(1, 4)
        pair.add(put(stamps[server], server))
        if rng.random() < 0.3:
            pair.commit_next_of(rng.choice(pair.tentative).server)
    listed = {name: rng.randrange(stamp + 2) for name, stamp in stamps.items() if rng.random() < 0.9}
    vector, csn = VersionVector(listed), rng.randrange(pair.log.csn + 1)
    lacks = [write for write in sorted(pair.tentative) if vector.completed(write.server) < write.stamp]
    assert pair.log.tentative_beyond(vector) == lacks
    beyond = pair.log.committed_beyond(csn, vector)
    assert [(write.stamp, write.server) for write in beyond] == [
        (write.stamp, write.server) for write in pair.committed[csn:]
    ]
    for sent, write in zip(beyond, pair.committed[csn:], strict=True):
        assert sent == (write.notice() if vector.completed(write.server) >= write.stamp else write)


@given(st.lists(st.integers(1, 40), unique=True), st.integers(0, 45), st.integers(0, 45), st.integers(1, 6))
def test_pages_of_a_log_put_together_are_the_log(
    stamps: list[int], split: int, start: int, count: int
) -> None:
    log = WriteLog(short_max=3)
    for stamp in sorted(stamps)[:split]:
        log.commit_new(put(stamp))
    for stamp in sorted(stamps)[split:]:
        log.add(put(stamp))
    page, stable = log.page(start, count)
    assert page == list(log)[start : start + count]
    assert stable == sum(write in log.committed for write in page)


@given(st.lists(st.integers(1, 50)), st.integers(1, 5))
def test_sorted_writes_against_a_list(stamps: list[int], short_max: int) -> None:
    run, twin = SortedWrites(short_max=short_max), list[Write]()
    for stamp in stamps:
        write = put(stamp)
        if write in twin:
            run.remove(write)
            twin.remove(write)
        else:
            run.add(write)
            twin.append(write)
            twin.sort()
        assert list(run) == twin
        assert len(run) == len(twin)
        assert not twin or run.last == twin[-1]
    assert run.take_all() == twin
    assert len(run) == 0


def test_removing_what_is_not_there() -> None:
    for short_max in (1, 1000):
        run = SortedWrites([put(1), put(3)], short_max=short_max)
        for missing in (put(2), put(4)):
            with pytest.raises(ValueError, match="not"):
                run.remove(missing)
        assert list(run) == [put(1), put(3)]


def test_commitments_out_of_order_are_refused() -> None:
    """Commit order keeps the order in which one server accepted its writes (Petersen '97)."""
    log = WriteLog()
    log.add(put(1, A))
    log.add(put(2, A))
    with pytest.raises(PeerError, match="not the next"):
        log.commit_known(2, A)
    with pytest.raises(PeerError, match="not the next"):
        log.commit_known(1, B)
    with pytest.raises(PeerError, match="before earlier writes"):
        log.commit_new(put(3, A))
    assert log.commit_known(1, A) == put(1, A)
    log.check()


def test_both_views_of_one_song() -> None:
    """Terry '95, "Storage system implementation issues": a tuple is in one view, or in both."""
    pair = Pair(1000)
    pair.commit_new(put(1, song="a", url="old"))
    pair.add(put(2, song="a", url="new"))
    pair.add(Write(3, A, DELETE, *place("a"), None))
    assert pair.database.get(*place("a")) is None
    assert pair.database.get(*place("a"), committed_only=True) == text_value("old")
    pair.commit_next_of(A)
    assert pair.database.get(*place("a")) == text_value("new")
    assert pair.database.get(*place("a"), committed_only=True) is None


def test_slices_of_items() -> None:
    items = Items(7, [put(1), put(2)], [put(3), put(4), put(5)])
    assert items.slice(0, 5) == items
    assert items.slice(1, 3) == Items(8, [put(2)], [put(3)])
    assert items.slice(3, 9) == Items(9, [], [put(4), put(5)])
    assert [len(items.slice(at, at + 2)) for at in range(6)] == [2, 2, 2, 2, 1, 0]


def test_check_finds_what_is_wrong_with_a_log() -> None:
    log = WriteLog()
    log.add(put(1, A))
    log._queues.clear()
    with pytest.raises(InvariantBroken, match="queues"):
        log.check()
    log = WriteLog()
    log.commit_new(put(2, A))
    log.committed.append(put(2, A))
    with pytest.raises(InvariantBroken, match="twice"):
        log.check()
    log = WriteLog()
    log.committed += [put(2, A), put(1, A)]
    with pytest.raises(InvariantBroken, match="after a later write"):
        log.check()
    log = WriteLog()
    log.tentative._short = [put(2, A), put(1, B)]
    with pytest.raises(InvariantBroken, match="accept order"):
        log.check()


def test_check_finds_what_is_wrong_with_a_database() -> None:
    database = Database()
    database.tentative(put(1))
    with pytest.raises(InvariantBroken, match="index by row"):
        database.check([], [])
    with pytest.raises(InvariantBroken, match="committed view"):
        database.check([put(1)], [put(1)])


def test_writes_describe_themselves() -> None:
    assert repr(put(3, A, "song", "url")) == '(3 <1> put playlist song "url")'
    assert repr(Write(3, A, DELETE, *place("song"), None)) == "(3 <1> delete playlist song)"
    assert repr(Write(4, ROOT, CREATION, "", "", None)) == "(4 <> creation)"
    assert repr(Write(5, ROOT, RETIREMENT, "", "", A)) == "(5 <> retirement <1>)"
    assert Write(4, ROOT, CREATION, "", "", None).created is ROOT.child(4)
    assert put(3, A).notice() == Write(3, A, NOTICE, "", "", None)
    assert START.completed(A) == 0
