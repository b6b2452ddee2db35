"""Replicas that tell each other items, cut anywhere; commitment; the duty that travels in the log."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayou.core.clock import LogicalClock
from bayou.core.errors import InvariantBroken, Misuse, PeerError
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.vector import START
from bayou.core.write import NOTICE, PUT, RETIREMENT, Write
from tests.rows import place, row


def tell(teller: Replica, hearer: Replica, limit: int | None = None) -> int:
    """Pass on what the hearer lacks, or the first ``limit`` items of it."""
    items = teller.beyond(hearer.csn, hearer.vector)
    return hearer.apply(items if limit is None else items.slice(0, limit))


def leads(replica: Replica) -> bool:
    return replica.is_primary


def family(size: int) -> list[Replica]:
    """Return that many replicas, all created by the first one and level with it."""
    replicas = [Replica(ROOT, short_max=3)]
    for _ in range(size - 1):
        replicas.append(Replica(replicas[0].create().created, short_max=3))
    for replica in replicas[1:]:
        tell(replicas[0], replica)
    return replicas


@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(0, 60))
@settings(max_examples=80)
def test_exchanges_cut_anywhere_leave_every_replica_sound(seed: int, size: int, steps: int) -> None:
    rng = random.Random(seed)
    replicas = family(size)
    for _ in range(steps):
        replica, other = rng.sample(replicas, 2)
        what = rng.random()
        if what < 0.4:
            replica.put(*row(rng.choice("abc"), str(rng.random())))
        elif what < 0.5:
            replica.delete(*place(rng.choice("abc")))
        elif what < 0.6:
            replica.mark()
        else:
            tell(replica, other, rng.randrange(6))
        for each in replicas:
            each.check()
    for replica in replicas[1:]:
        tell(replica, replicas[0])
    replicas[0].mark()
    for replica in replicas[1:]:
        tell(replicas[0], replica)
        replica.check()
        assert list(replica.log) == list(replicas[0].log)
        assert replica.vector == replicas[0].vector
        assert not replica.log.tentative


@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(0, 40))
def test_a_replica_rebuilt_from_its_journal_is_the_same(seed: int, size: int, steps: int) -> None:
    rng = random.Random(seed)
    replicas = family(size)
    journals: list[list[Any]] = [[] for _ in replicas]
    for _ in range(steps):
        at = rng.randrange(size)
        if rng.random() < 0.5:
            replicas[at].put(*row(rng.choice("abc"), str(rng.random())))
        else:
            tell(replicas[at], replicas[rng.randrange(size)], rng.randrange(6))
        if rng.random() < 0.3:
            for journal, replica in zip(journals, replicas, strict=True):
                journal.extend(replica.take_journal())
    for journal, replica in zip(journals, replicas, strict=True):
        journal.extend(replica.take_journal())
        assert replica.take_journal() == []
        rebuilt = Replica(replica.name)
        for record in journal:
            rebuilt.redo(record)
        rebuilt.check()
        assert list(rebuilt.log) == list(replica.log)
        assert rebuilt.csn == replica.csn
        assert rebuilt.vector == replica.vector
        assert rebuilt.clock.now == replica.clock.now
        assert rebuilt.primary is replica.primary
        assert [rebuilt.get(*place(key)) for key in "abc"] == [replica.get(*place(key)) for key in "abc"]


def test_the_clock_gives_one_more_than_the_largest_stamp_seen() -> None:
    clock = LogicalClock(4)
    assert clock.next() == 5
    clock.saw(3)
    assert clock.next() == 6
    clock.saw(9)
    assert clock.next() == 10


def test_the_primary_marks_everything_in_accept_order_its_own_write_last() -> None:
    root, a, b = family(3)
    late = b.put(*row("y", "2"))
    tell(b, a)
    early = a.put(*row("x", "1"))
    tell(a, root)
    assert [write.kind for write in root.log.tentative] == [PUT, PUT]
    own = root.put(*row("z", "3"))
    assert root.log.committed[-3:] == [late, early, own]
    assert not root.log.tentative
    assert a.mark() == 0, "only the primary marks"


def test_a_write_that_is_known_is_ignored_whatever_its_kind() -> None:
    root, a = family(2)
    items = root.beyond(0, START)
    assert a.apply(items) == 0
    a.put(*row("s", "u"))
    again = Items(a.csn, [], list(a.log.tentative))
    assert tell(a, root) == 1
    assert root.apply(again) == 0
    root.check()


def test_a_commit_notice_applies_only_where_it_is_next() -> None:
    root, a = family(2)
    for n in range(3):
        a.put(*row("s", str(n)))
    tell(a, root)
    root.mark()
    notices = root.beyond(a.csn, a.vector)
    assert [write.kind for write in notices.committed] == [NOTICE] * 3
    with pytest.raises(PeerError, match="where 2 is next"):
        a.apply(notices.slice(1, 3))
    assert a.csn == 1
    assert a.apply(notices.slice(0, 2)) == 2
    assert a.apply(notices) == 1
    a.check()


def test_a_write_from_a_server_never_heard_of_is_refused() -> None:
    """The prefix property: its creation would have come first (Petersen '97, "Basic anti-entropy")."""
    root, a = family(2)
    child = Replica(a.create().created)
    tell(a, child)
    write = child.put(*row("s", "u"))
    with pytest.raises(PeerError, match="never heard of"):
        root.apply(Items(root.csn, [], [write]))
    root.check()


def test_two_writes_with_one_csn_are_noticed() -> None:
    root, a = family(2)
    root.put(*row("s", "1"))
    forged = Write(2, ROOT.child(1), PUT, *row("s", "2"))
    with pytest.raises(PeerError, match="the same CSN"):
        root.apply(Items(1, [forged], []))
    assert a.csn == 1


def test_the_duty_travels_in_the_log() -> None:
    """docs/decisions/0003: whoever has processed the committed retirement knows the next primary."""
    root, a, b = family(3)
    b.put(*row("s", "at b"))
    retirement = root.retire(a.name)
    assert retirement.heir is a.name
    assert root.log.committed[-1] is retirement
    assert not leads(root)
    tell(root, b)
    assert b.primary is a.name
    assert not leads(b)
    assert not leads(a), "it has not heard yet"
    tell(b, a)
    assert leads(a)
    assert a.mark() == 0, "it committed all that it held at once"
    assert not a.log.tentative
    for replica in (root, a, b):
        replica.check()
    assert a.log.committed[-1].server is b.name


def test_who_has_retired_accepts_nothing_more() -> None:
    root, a = family(2)
    with pytest.raises(Misuse, match="heir"):
        root.retire(None)
    a.retire(root.name)
    assert next(iter(a.log.tentative)).heir is None, "it was not the primary, so it has no duty to pass on"
    acts: list[Callable[[], object]] = [
        lambda: a.put(*row("s", "u")),
        lambda: a.delete(*place("s")),
        a.create,
        lambda: a.retire(None),
    ]
    for act in acts:
        with pytest.raises(Misuse, match="accepts nothing more"):
            act()


def test_a_new_server_is_complete_with_its_own_creation() -> None:
    root, a = family(2)
    newborn = Replica(root.create().created)
    newborn.check()
    completeness = [newborn.is_complete]
    for limit in (1, None):
        tell(root, newborn, limit)
        completeness.append(newborn.is_complete)
    assert completeness == [False, False, True]
    assert newborn.clock.now >= newborn.name.stamp
    assert root.is_complete
    assert a.is_complete


def test_heirs_that_nobody_could_name_are_refused() -> None:
    root, a, b = family(3)
    will = Write(50, a.name, RETIREMENT, "", "", b.name)
    with pytest.raises(PeerError, match="not committed"):
        root.apply(Items(root.csn, [], [will]))
    with pytest.raises(PeerError, match="is the primary"):
        root.apply(Items(root.csn, [will], []))
    root.check()


def test_check_finds_what_is_wrong_with_a_replica() -> None:
    root, a = family(2)
    root.put(*row("s", "u"))
    root.clock.now = 1
    with pytest.raises(InvariantBroken, match="behind"):
        root.check()
    a._vector.touch()[a.name] = 77
    with pytest.raises(InvariantBroken, match="not what the log makes"):
        a.check()
    forgetful = family(2)[1]
    forgetful.group = (forgetful.name,)
    with pytest.raises(InvariantBroken, match="is not the group"):
        forgetful.check()
