"""Version vectors, beside each of them the true set of writes: the oracle that decides what is right."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayou.core.errors import InvariantBroken
from bayou.core.name import ROOT, Name
from bayou.core.vector import NOTHING, RETIRED, START, LiveVector, VersionVector
from bayou.core.write import CREATION, PUT, RETIREMENT, Write
from tests.rows import asked, row


class Knower:
    """Somebody who knows writes: the vector, and beside it the set."""

    def __init__(self, name: Name) -> None:
        self.name = name
        self.vector = LiveVector.newborn(name)
        self.known: set[Write] = set()
        self.clock = name.stamp if name.stamps else 0
        self.retired = False

    @property
    def is_complete(self) -> bool:
        """Whether its own creation has been heard of: before that it neither accepts nor tells anything."""
        return not self.name.stamps or self.vector.entries.get(self.name) != NOTHING

    def learn(self, write: Write) -> None:
        self.vector.learn(write)
        self.known.add(write)
        self.clock = max(self.clock, write.stamp)

    def accept(self, kind: int) -> Write:
        row = asked("s", "u" if kind == PUT else None)
        write = Write(self.clock + 1, self.name, kind, *row)
        self.learn(write)
        return write

    def hear(self, other: Knower, rng: random.Random, *, all_of_it: bool = False) -> None:
        """Take over what is missing, in accept order, perhaps cut off somewhere."""
        missing = sorted(other.known - self.known)
        for write in missing if all_of_it else missing[: rng.randrange(len(missing) + 1)]:
            self.learn(write)


def random_world(seed: int, steps: int) -> list[Knower]:
    """A history of servers that write, create, retire and tell each other."""
    rng = random.Random(seed)
    knowers = [Knower(ROOT)]
    for _ in range(steps):
        alive = [knower for knower in knowers if not knower.retired]
        tellers = [knower for knower in knowers if knower.is_complete]
        someone = rng.choice(alive)
        if not someone.is_complete:
            someone.hear(rng.choice(tellers), rng)
            continue
        what = rng.random()
        if what < 0.35:
            someone.accept(PUT)
        elif what < 0.5 and len(alive) < 6:
            child = Knower(someone.accept(CREATION).created)
            child.hear(someone, rng, all_of_it=rng.random() < 0.8)
            knowers.append(child)
        elif what < 0.58 and sum(knower.is_complete for knower in alive) > 1:
            someone.accept(RETIREMENT)
            someone.retired = True
        else:
            someone.hear(rng.choice(tellers), rng)
    return knowers


@given(st.integers(0, 2**32), st.integers(0, 60))
@settings(max_examples=300)
def test_a_vector_knows_exactly_the_writes_in_the_set(seed: int, steps: int) -> None:
    knowers = random_world(seed, steps)
    everything = set().union(*(knower.known for knower in knowers))
    for knower in knowers:
        vector = knower.vector.snapshot()
        vector.check()
        for write in everything:
            assert (vector.completed(write.server) >= write.stamp) == (write in knower.known)
            assert knower.vector.completed(write.server) == vector.completed(write.server)


@given(st.integers(0, 2**32), st.integers(0, 60))
@settings(max_examples=300)
def test_a_vector_covers_another_exactly_where_the_sets_include_each_other(seed: int, steps: int) -> None:
    knowers = random_world(seed, steps)
    for a in knowers:
        for b in knowers:
            mine, theirs = a.vector.snapshot(), b.vector.snapshot()
            assert mine.covers(theirs) == (a.known >= b.known)
            assert (mine == theirs) == (a.known == b.known)
            if mine == theirs:
                assert hash(mine) == hash(theirs)


@given(st.integers(0, 2**32), st.integers(0, 60))
@settings(max_examples=300)
def test_merging_is_the_union_of_the_sets(seed: int, steps: int) -> None:
    """What a session knows after reading here and there (Terry '94): always some server's kind of
    knowledge, as a union of sets that each contain what their writes depend on is one too."""
    knowers = random_world(seed, steps)
    rng = random.Random(seed)
    merged, known = START, set[Write]()
    for _ in range(4):
        knower = rng.choice(knowers)
        merged = merged.merged(knower.vector.snapshot())
        known |= knower.known
        merged.check()
        for other in knowers:
            vector = other.vector.snapshot()
            assert vector.covers(merged) == (other.known >= known)
            assert merged.covers(vector) == (known >= other.known)


def test_the_example_of_the_missing_entry() -> None:
    """Petersen '97, "Light-weight server creation and retirement": R gossips some writes to A, retires, and
    hands the rest and the retirement write to B; B drops R; then B gossips with A, which still lists R."""
    root = Knower(ROOT)
    rng = random.Random(1)
    a, b, r = (Knower(root.accept(CREATION).created) for _ in range(3))
    for knower in (a, b, r):
        knower.hear(root, rng, all_of_it=True)
    r.accept(PUT)
    a.hear(r, rng, all_of_it=True)
    r.accept(PUT)
    r.accept(RETIREMENT)
    b.hear(r, rng, all_of_it=True)

    assert r.name in a.vector.snapshot()
    assert r.name not in b.vector.snapshot()
    assert b.vector.completed(r.name) == RETIRED
    b.hear(a, rng, all_of_it=True)
    assert r.name not in b.vector.snapshot()
    a.hear(b, rng, all_of_it=True)
    assert r.name not in a.vector.snapshot()
    assert a.vector.snapshot() == b.vector.snapshot()


def test_a_missing_entry_of_somebody_never_heard_of() -> None:
    root = Knower(ROOT)
    early = root.vector.snapshot()
    child = Knower(root.accept(CREATION).created)
    grandchild = Knower(child.name.child(9))
    assert early.completed(child.name) == NOTHING
    assert early.completed(grandchild.name) == NOTHING, "the creator is missing too, and decides"


def test_the_missing_root_retired() -> None:
    a = ROOT.child(1)
    vector = VersionVector({a: 5})
    assert vector.completed(ROOT) == RETIRED
    assert vector.completed(ROOT.child(3)) == RETIRED


def test_a_long_chain_of_retired_ancestors_is_decided_once() -> None:
    """Each server of the chain was created by the one before, which then retired: asking for all of them
    costs a step each, not a walk each."""
    chain = [ROOT]
    for stamp in range(1, 2001):
        chain.append(chain[-1].child(stamp))
    vector = VersionVector({chain[-1]: 5000})
    assert all(vector.completed(name) == RETIRED for name in chain[:-1])
    assert len(vector._decided) == 2000
    assert vector.completed(chain[-1].child(6000)) == NOTHING


def test_a_write_vector_is_a_list_of_stamps() -> None:
    a, b = ROOT.child(1), ROOT.child(2)
    server = VersionVector({ROOT: 2, a: 5, b: 2})
    assert server.covers_listed(VersionVector({a: 5}))
    assert server.covers_listed(VersionVector({}))
    assert not server.covers_listed(VersionVector({a: 5, b: 3}))
    assert not server.covers(VersionVector({a: 5})), (
        "as knowledge, a vector without the root has seen it retire"
    )


def test_snapshots_are_kept_until_something_changes() -> None:
    live = LiveVector.newborn(ROOT)
    before = live.snapshot()
    assert live.snapshot() is before
    live.learn(Write(1, ROOT, PUT, *row("a", "u")))
    assert before.completed(ROOT) == NOTHING
    assert live.snapshot().completed(ROOT) == 1


@pytest.mark.parametrize(
    "entries",
    [
        {ROOT: -1},
        {ROOT: 1 << 62},
        {ROOT: 0, ROOT.child(3): 3},
        {ROOT: 5, ROOT.child(3): 2},
        {ROOT: 5, ROOT.child(3): 0},
    ],
)
def test_check_tells_what_nobody_can_know(entries: dict[Name, int]) -> None:
    with pytest.raises(InvariantBroken):
        VersionVector(entries).check()


def test_vectors_are_values() -> None:
    assert repr(VersionVector({ROOT.child(3): 4, ROOT: 7})) == "{<>: 7, <3>: 4}"
    assert VersionVector({ROOT: 0}) == START
    assert START != 0
    assert len({VersionVector({ROOT: 0}), START, VersionVector({ROOT: 0, ROOT.child(4): 0})}) == 1
