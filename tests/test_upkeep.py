"""Servers that last keep their past short: when they fold, what they truncate, and which marks they drop."""

from __future__ import annotations

import pytest

from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.vector import VersionVector
from bayou.core.write import PUT, Write
from bayou.machine.effects import Tick
from bayou.node.messages import GOSSIP, News, Pull
from bayou.node.server import Server
from bayou.node.settings import Keep, Settings
from tests.rows import row
from tests.test_nodes import first, hear

KEEP = Keep(writes=10, marks=2, fold_writes=8, idle_s=1.0, part_writes=3, part_truncated=4)


class Clerk:
    """A primary with upkeep, in the hands of a test; ``now``: its time."""

    def __init__(self, keep: Keep = KEEP, *peers: int) -> None:
        self.server: Server = first(*peers, settings=Settings(keep=keep))
        self.now = 0.0
        self.ticks = 0

    def write(self, count: int, key: str = "k", *, delete: bool = False) -> None:
        """Let the replica accept writes, and the server take notice."""
        replica = self.server.replica
        for number in range(count):
            if delete:
                replica.delete("notes", f"{key}{number}")
            else:
                replica.put("notes", f"{key}{number}", row("x", "v")[2])
        self.server.step(self.now, Tick())

    def pass_time(self, seconds: float) -> None:
        """Wake the server whenever it wants to be woken."""
        until = self.now + seconds
        while self.server.wake_at is not None and self.server.wake_at <= until:
            self.now = max(self.now, self.server.wake_at)
            self.server.step(self.now, Tick())
            self.server.check()
            self.ticks += 1
            assert self.ticks < 10_000, "it never comes to rest"
        self.now = until

    @property
    def numbers(self) -> tuple[int, int, int]:
        """O, B and the CSN."""
        replica = self.server.replica
        return replica.past.omitted_csn, replica.past.base.csn, replica.csn


def test_few_writes_are_folded_when_nothing_has_come_for_a_while() -> None:
    clerk = Clerk()
    clerk.write(5)
    clerk.pass_time(0.9)
    assert clerk.numbers == (0, 0, 5)
    clerk.write(1, "more")
    clerk.pass_time(0.9)
    assert clerk.numbers == (0, 0, 6), "something came meanwhile"
    clerk.pass_time(0.2)
    assert clerk.numbers[1:] == (6, 6)


def test_many_writes_are_folded_at_once_a_part_at_a_time() -> None:
    clerk = Clerk()
    clerk.write(9)
    assert clerk.numbers == (0, 0, 9)
    clerk.server.step(clerk.now, Tick())
    assert clerk.numbers == (0, 3, 9)
    clerk.pass_time(0.0)
    assert clerk.numbers[1:] == (9, 9)


def test_the_latest_writes_stay_where_another_server_may_lack_them() -> None:
    clerk = Clerk(KEEP, 1)
    clerk.server.replica.create()
    clerk.write(29)
    clerk.pass_time(5)
    assert clerk.numbers == (20, 30, 30)


def test_all_stay_where_all_are_to() -> None:
    clerk = Clerk(Keep(writes=None, fold_writes=8, part_writes=3), 1)
    clerk.server.replica.create()
    clerk.write(29)
    clerk.pass_time(5)
    assert clerk.numbers == (0, 30, 30)


def test_what_every_server_is_known_to_have_goes_sooner() -> None:
    clerk = Clerk(KEEP, 1)
    created = clerk.server.replica.create().created
    clerk.write(5)
    clerk.server.peers.of(1).name = created
    vector = VersionVector({ROOT: 1, created: 1})
    hear(clerk.server, 1, Pull(1, GOSSIP, 4, vector), clerk.now)
    clerk.pass_time(2)
    assert clerk.numbers == (4, 6, 6)
    hear(clerk.server, 1, News(2, vector), clerk.now)
    clerk.write(1, "x")
    clerk.pass_time(2)
    assert clerk.numbers == (4, 7, 7), "a smaller CSN is an old one, and what is gone is gone"


def test_what_holds_the_log_back_is_told() -> None:
    """The server that is known to have least, not the one that was heard of last."""
    clerk = Clerk(KEEP, 1, 2)
    one, other = clerk.server.replica.create().created, clerk.server.replica.create().created
    clerk.write(2)
    clerk.server.peers.of(1).name, clerk.server.peers.of(2).name = one, other
    never = f"the last 10 writes are to stay, and server {other}, which was never heard of"
    vector = VersionVector({ROOT: 4, one: 1, other: 2})
    hear(clerk.server, 1, News(3, vector), clerk.now)
    assert clerk.server.log_held_by == never
    hear(clerk.server, 2, News(2, vector), clerk.now)
    hear(clerk.server, 1, News(4, vector), clerk.now)
    assert clerk.server.log_held_by == never.replace("was never heard of", "stands at CSN 2")
    hear(clerk.server, 2, News(4, vector), clerk.now)
    assert clerk.server.log_held_by == "what is still to be folded, or let go of"
    clerk.pass_time(2)
    assert (clerk.numbers, clerk.server.log_held_by) == ((4, 4, 4), "nothing")
    assert Clerk(Keep(writes=None)).server.log_held_by == first().log_held_by == "all writes are to stay"


def test_a_server_alone_keeps_nothing_for_anybody() -> None:
    clerk = Clerk()
    clerk.write(5)
    clerk.pass_time(2)
    assert clerk.numbers == (5, 5, 5)


def test_young_writes_stay() -> None:
    clerk = Clerk(Keep(writes=0, age_s=10.0, fold_writes=8, idle_s=1.0), 1)
    clerk.server.replica.create()
    clerk.write(5)
    clerk.pass_time(3)
    assert clerk.numbers == (0, 6, 6)
    clerk.write(1, "x")
    clerk.pass_time(9)
    clerk.write(1, "y")
    clerk.pass_time(2)
    assert clerk.numbers[0] == 6, "the first ones are old"
    assert clerk.numbers[1:] == (8, 8)


@pytest.mark.parametrize("deleted", [2, 3, 9])
def test_old_marks_go_where_there_are_too_many(deleted: int) -> None:
    clerk = Clerk()
    clerk.write(9)
    clerk.pass_time(2)
    clerk.write(deleted, delete=True)
    clerk.pass_time(2)
    clerk.write(1, "z")
    clerk.pass_time(2)
    past = clerk.server.replica.past
    marks = [row for row in past.rows_after((0, "", ""), 99, 1 << 20) if row[2] is None]
    assert len(marks) == (deleted if deleted <= 2 else 1)
    assert past.marks_from == (0 if deleted <= 2 else 9 + deleted - 1)
    assert clerk.server.replica.get("notes", "k0") is None


def test_what_is_here_of_half_a_decree_waits_for_the_rest() -> None:
    """A base ends at a boundary: until then there is nothing to be folded, and nothing to wake up for."""
    clerk = Clerk()
    replica = clerk.server.replica
    other = replica.create().created
    assert other is not None
    replica.regroup([ROOT, other])
    half = Write(replica.clock.next(), other, PUT, "notes", "k", row("x", "v")[2])
    replica.apply(Items(2, [half], []))
    assert (replica.boundary, replica.csn) == (2, 3)
    clerk.server.step(clerk.now, Tick())
    clerk.pass_time(60.0)
    assert replica.past.base.csn == 2
    assert clerk.ticks < 20
    replica.learn_boundary(3)
    clerk.server.step(clerk.now, Tick())
    clerk.pass_time(60.0)
    assert replica.past.base.csn == 3
