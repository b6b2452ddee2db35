"""Part 5: sessions and their guarantees."""

from __future__ import annotations

import pytest

from bayou.core.name import ROOT
from bayou.core.vector import START, VersionVector
from bayou.node.session import Guarantees, Session
from tests.behaviour.scenarios import PAIR, TRIO, printed, printed_by_processes

ALL = ("RYW", "MR", "WFR", "MW")

# Each of these breaks one guarantee and no other. Client 8 and 7 begin at server 0.
TWO = PAIR + "joinClient 7 0; "
BREAKS = {
    "RYW": TWO + "pause; put 8 a b; restoreConnection 8 1; get 8 a",
    "MR": TWO + "pause; put 7 a b; get 8 z; restoreConnection 8 1; get 8 a",
    "WFR": TWO + "pause; put 7 a b; get 8 z; restoreConnection 8 1; put 8 c d; printLog 1",
    "MW": TWO + "pause; put 8 a b; restoreConnection 8 1; put 8 c d; printLog 1",
}
REFUSED = {"RYW": ["a:ERR_DEP"], "MR": ["z:ERR_KEY", "a:ERR_DEP"], "WFR": ["z:ERR_KEY"], "MW": list[str]()}
SERVED = {
    "RYW": ["a:ERR_KEY"],
    "MR": ["z:ERR_KEY", "a:ERR_KEY"],
    "WFR": ["z:ERR_KEY", "PUT:(c, d):FALSE"],
    "MW": ["PUT:(c, d):FALSE"],
}


def holds_alone(guarantee: str) -> None:
    """Check that a guarantee refuses what would break it, and that the three others do not."""
    assert printed(BREAKS[guarantee], guarantees=guarantee) == REFUSED[guarantee]
    assert printed(BREAKS[guarantee], guarantees="all") == REFUSED[guarantee]
    for other in ALL:
        if other != guarantee:
            assert printed(BREAKS[guarantee], guarantees=other) == SERVED[guarantee], other


def test_part5_read_your_writes() -> None:
    """With Read Your Writes alone a read is refused where a write of the session is missing."""
    holds_alone("RYW")


def test_part5_monotonic_reads() -> None:
    """With Monotonic Reads alone a read is refused where something is missing that an earlier one saw."""
    holds_alone("MR")


def test_part5_writes_follow_reads() -> None:
    """With Writes Follow Reads alone a write is dropped where something is missing that a read could see."""
    holds_alone("WFR")


def test_part5_monotonic_writes() -> None:
    """With Monotonic Writes alone a write is dropped where an earlier write of the session is missing."""
    holds_alone("MW")


@pytest.mark.processes
@pytest.mark.parametrize("guarantee", ALL)
def test_part5_all_four_hold_unless_others_are_chosen(guarantee: str) -> None:
    """Without --guarantees all four hold, and with it those that are listed."""
    others = ",".join(other for other in ALL if other != guarantee)
    assert printed_by_processes(BREAKS[guarantee]) == REFUSED[guarantee]
    assert printed_by_processes(BREAKS[guarantee], "--guarantees", "RYW,MR,WFR,MW") == REFUSED[guarantee]
    assert printed_by_processes(BREAKS[guarantee], "--guarantees", others) == SERVED[guarantee]


@pytest.mark.parametrize("guarantee", ALL)
def test_part5_guarantees_are_met_once_the_servers_have_met(guarantee: str) -> None:
    """What was refused is done where the server has heard of what the session depends on."""
    scenario = BREAKS[guarantee].replace("restoreConnection 8 1", "restoreConnection 8 1; start")
    expected = {
        "RYW": ["a:b"],
        "MR": ["z:ERR_KEY", "a:b"],
        "WFR": ["z:ERR_KEY", "PUT:(a, b):TRUE", "PUT:(c, d):TRUE"],
        "MW": ["PUT:(a, b):TRUE", "PUT:(c, d):TRUE"],
    }
    assert printed(scenario) == expected[guarantee]


def test_part5_a_session_goes_back_to_where_it_was_served() -> None:
    """A session that one server refuses is served by one that knows enough."""
    steps = (
        "pause; put 8 a b; restoreConnection 8 1; get 8 a; restoreConnection 8 0; get 8 a; put 8 a c; get 8 a"
    )
    assert printed(PAIR + steps) == ["a:ERR_DEP", "a:b", "a:c"]


# The write vector.


def test_part5_the_write_vector_holds_the_last_stamp_for_each_server() -> None:
    """A session remembers of each server the stamp of the last write that it made there."""
    session, other = Session(Guarantees()), ROOT.child(1)
    session.has_written(3, ROOT)
    session.has_written(4, other)
    session.has_written(7, ROOT)
    assert dict(zip(session.writes.names, session.writes.stamps, strict=True)) == {ROOT: 7, other: 4}


def test_part5_writes_at_several_servers_all_count() -> None:
    """A server serves the session only if it has the session's writes at every other server."""
    # Client 7 writes at 0 and then at 1, which has got what 0 had; server 2 lacks both.
    steps = "breakConnection 0 2; breakConnection 1 2; put 7 a 1; restoreConnection 7 1; put 7 b 2; pause; "
    wrote = TRIO + steps + "restoreConnection 0 2; restoreConnection 1 2; restoreConnection 7 2; get 7 z; "
    assert printed(wrote + "start; get 7 a; get 7 b") == ["z:ERR_DEP", "a:1", "b:2"]


def test_part5_a_write_at_a_server_that_has_retired_is_covered_where_that_is_known() -> None:
    """The session's writes at a retired server are there where its retirement is."""
    steps = (
        "pause; put 8 a b; retireServer 1; restoreConnection 8 0; get 8 a; restoreConnection 8 2; get 8 a; "
    )
    assert printed(TRIO + steps + "start; get 8 a") == ["a:b", "a:ERR_DEP", "a:b"]


def test_part5_a_write_at_a_server_never_heard_of_is_not_covered() -> None:
    """A server that has not heard of the server where the session wrote refuses it."""
    steps = "pause; joinServer 2; joinClient 5 2; put 5 a b; restoreConnection 5 1; get 5 a; start; get 5 a"
    assert printed(PAIR + steps) == ["a:ERR_DEP", "a:b"]


# The read vector.


def test_part5_the_read_vector_starts_with_nothing() -> None:
    """A new session has read nothing, so that every server will do."""
    session = Session(Guarantees())
    assert dict(zip(session.reads.names, session.reads.stamps, strict=True)) == {ROOT: 0}
    assert session.reads == START
    steps = "breakConnection 0 1; put 8 a b; put 9 c d; joinClient 5 0; joinClient 6 1; get 5 a; get 6 a"
    assert printed(PAIR + steps) == ["a:b", "a:ERR_KEY"]


def test_part5_a_read_takes_up_all_that_the_server_knows() -> None:
    """After a read the session depends on everything that its server knew, not on that song alone."""
    steps = "put 7 x y; pause; put 7 a b; get 8 x; restoreConnection 8 1; get 8 x"
    assert printed(TWO + steps) == ["x:y", "x:ERR_DEP"]


def test_part5_retired_servers_drop_out_of_the_read_vector() -> None:
    """A session that has read where a server's retirement is known does not list that server any more."""
    session, gone = Session(Guarantees()), ROOT.child(1)
    session.has_read(VersionVector({ROOT: 1, gone: 4}))
    assert gone in session.reads
    session.has_read(VersionVector({ROOT: 6}))
    assert dict(zip(session.reads.names, session.reads.stamps, strict=True)) == {ROOT: 6}
    session.has_read(VersionVector({ROOT: 2, gone: 4}))
    assert dict(zip(session.reads.names, session.reads.stamps, strict=True)) == {ROOT: 6}


def test_part5_a_retirement_that_was_seen_binds_the_session() -> None:
    """After a read where a retirement is known, a server that does not know of it yet is refused."""
    steps = "pause; retireServer 1; get 7 x; restoreConnection 7 2; get 7 x; start; get 7 x"
    assert printed(TRIO + steps) == ["x:ERR_KEY", "x:ERR_DEP", "x:ERR_KEY"]


def test_part5_a_session_may_know_servers_that_have_retired_since() -> None:
    """A session that read from a server before it retired is served where the retirement is known."""
    steps = "put 8 a b; get 8 a; retireServer 1; restoreConnection 8 2; get 8 a; put 8 a c; get 8 a"
    assert printed(TRIO + steps) == ["a:b", "a:b", "a:c"]
