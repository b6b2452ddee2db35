"""General writes 4: with sessions, exchanges, truncation, waiting and retirement."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayou.core.body import made_body
from bayou.core.execute import RESOLVED
from bayou.core.name import ROOT
from bayou.core.write import CHANGE, NOTICE
from bayou.node.asks import Change, Outcome, Standing
from bayou.node.messages import OK, REFUSED, Did, Do, Written
from bayou.worlds.simulated import SimulatedWorld
from tests.behaviour.scenarios import PAIR, TRIO, printed, printed_by_processes, replicas
from tests.driven import Driven
from tests.simulated import system_of
from tests.test_core_replica import family, tell

TWO = f"{PAIR}joinClient 7 0; "
ALL = ("RYW", "MR", "WFR", "MW")

# Each of these breaks one guarantee and no other. Clients 8 and 7 begin at server 0.
BREAKS = {
    "RYW": f"{TWO}pause; write 8 a set n/a 1; restoreConnection 8 1; ",
    "MR": f"{TWO}pause; write 7 a set n/a 1; rows 8 m/; restoreConnection 8 1; ",
    "WFR": f"{TWO}pause; write 7 a nothing; rows 8 m/; restoreConnection 8 1; write 8 b nothing; printLog 1",
    "MW": f"{TWO}pause; write 8 a set n/a 1; restoreConnection 8 1; write 8 b set n/b 1; printLog 1",
}
READS = {
    "rows 8 n/": "n/:ERR_DEP",
    "rows 8 n/ committed": "n/:ERR_DEP",
    "outcome 8 a": "a:ERR_DEP",
    "conflicts 8": "conflicts:ERR_DEP",
}
SERVED = {
    "rows 8 n/": ["n/:ERR_KEY"],
    "rows 8 n/ committed": ["n/:ERR_KEY"],
    "outcome 8 a": ["a:ERR_KEY"],
    "conflicts 8": list[str](),
}


@pytest.mark.parametrize("guarantee", ["RYW", "MR"])
@pytest.mark.parametrize("read", READS)
def test_writes4_reading_rows_outcomes_and_conflicts_checks_the_session(guarantee: str, read: str) -> None:
    """Reading rows, an outcome or conflicts is refused just where a get would be."""
    before = ["m/:ERR_KEY"] if guarantee == "MR" else []
    for chosen in ALL:
        expected = [READS[read]] if chosen == guarantee else SERVED[read]
        assert printed(BREAKS[guarantee] + read, guarantees=chosen) == before + expected, chosen


@pytest.mark.parametrize("guarantee", ["WFR", "MW"])
def test_writes4_a_general_write_checks_the_session(guarantee: str) -> None:
    """A general write is dropped just where a put would be."""
    before = ["m/:ERR_KEY"] if guarantee == "WFR" else []
    for chosen in ALL:
        expected = [] if chosen == guarantee else ["WRITE:(b, applied):FALSE"]
        assert printed(BREAKS[guarantee], guarantees=chosen) == before + expected, chosen


@pytest.mark.parametrize("read", ["rows 8 m/", "rows 8 m/ committed", "outcome 8 nobody", "conflicts 8"])
def test_writes4_every_read_updates_the_session(read: str) -> None:
    """Whatever has been read, found or not, binds the session as a get does."""
    scenario = f"{TWO}pause; put 7 a b; {read}; restoreConnection 8 1; get 8 a"
    assert printed(scenario)[-1] == "a:ERR_DEP"


def test_writes4_resolving_a_conflict_checks_the_session() -> None:
    """A resolve is a write: it is dropped where the session's guarantees can't be satisfied."""
    scenario = (
        f"{TWO}write 8 a nothing if present n/a; pause; write 8 b set n/b 1; restoreConnection 8 1; "
        "resolve 8 a; "
    )
    assert printed(f"{scenario}restoreConnection 8 0; start; conflicts 8; resolve 8 a; conflicts 8") == [
        "CONFLICT:(a):TRUE"
    ]
    assert RESOLVED == "resolve-"


# Exchanges.


def test_writes4_the_body_travels_as_one_text_and_outcomes_stay_at_home() -> None:
    """A general write is sent with its body in canonical form, and nothing of what it came to."""
    root, other = family(2)
    body = made_body({"name": "n", "do": [["set", "c", "k", 1]]})
    other.change(body)
    (write,) = (each for each in other.beyond(root.csn, root.vector).tentative if each.kind == CHANGE)
    assert (write.collection, write.key, write.value) == ("", "", body.text)


def test_writes4_a_commit_notice_stands_for_a_general_write() -> None:
    """A general write that the receiver has already is committed by a notice alone."""
    root, other = family(2)
    tell(root, other)
    write = other.change(made_body({"name": "n", "do": [["set", "c", "k", 1]]}))
    tell(other, root)
    root.mark()
    (notice,) = root.beyond(other.csn, other.vector).committed
    assert (notice.kind, notice.stamp, notice.server) == (NOTICE, write.stamp, write.server)
    tell(root, other)
    assert other.get("c", "k", committed_only=True) == "1"


def test_writes4_the_primary_commits_without_a_vote() -> None:
    """Servers of the same CSN have the same digest of outcomes, without having told each other any."""
    scenario = (
        f"{TRIO}pause; write 8 a add n/k 1; write 9 b set n/k 7 if absent n/k; write 7 c new n/k 1; start"
    )
    found = list(replicas(scenario).values())
    assert len({(replica.csn, replica.database.digest) for replica in found}) == 1
    assert found[0].database.digest != replicas(TRIO)[0].database.digest


@pytest.mark.processes
def test_writes4_general_writes_are_carried_in_files(tmp_path: Path) -> None:
    """A file of writes holds general writes as it holds others, and they are executed where it is read, the
    same in both worlds."""
    scenario = (
        f"{PAIR}breakConnection 0 1; write 9 a set n/a 1 if absent n/a else new n/a 2; write 8 b set n/a 3; "
        f"exportWrites 1 {tmp_path}/carried; importWrites 0 {tmp_path}/carried; rows 8 n/; printLog 0; "
        f"exportWrites 0 {tmp_path}/back; importWrites 1 {tmp_path}/back; outcome 9 a; printLog 1"
    )
    log = ["WRITE:(b, applied):TRUE", "WRITE:(a, merged 1):TRUE"]
    expected = ["n/a:3:TRUE", "n/a-2:2:TRUE", *log, "a:merged 1:TRUE", *log]
    assert printed(scenario) == expected
    assert printed_by_processes(scenario.replace(f"{tmp_path}/", f"{tmp_path}/again-")) == expected


# Truncation.


@pytest.mark.processes
def test_writes4_of_a_truncated_write_it_is_known_whether_it_is_a_conflict() -> None:
    """A truncated write is a conflict as long as it stands in the error log, else it is done, a conflict that
    was resolved included, the same in both worlds."""
    scenario = (
        f"{PAIR}write 8 a set n/a 1; write 8 b nothing if absent n/a; truncateLog 0; outcome 8 a; "
        "outcome 8 b; "
        "rows 8 n/; conflicts 8; resolve 8 b; outcome 8 b; outcome 9 b"
    )
    expected = [
        "a:done:TRUE",
        "b:conflict:TRUE",
        "n/a:1:TRUE",
        "CONFLICT:(b):TRUE",
        "b:done:TRUE",
        "b:conflict:TRUE",
    ]
    assert printed(scenario) == printed_by_processes(scenario) == expected


def test_writes4_a_newcomer_gets_rows_and_conflicts_for_a_truncated_log() -> None:
    """The error log is in the database that a server gets where the log is gone."""
    scenario = (
        f"{PAIR}write 8 b set n/b 1 if present n/a; write 8 a set n/a 1; truncateLog 0; joinServer 2; "
        "joinClient 7 2; "
    )
    assert printed(f"{scenario}rows 7 n/; conflicts 7; outcome 7 b; printLog 2") == [
        "n/a:1:TRUE",
        "CONFLICT:(b):TRUE",
        "b:conflict:TRUE",
    ]


def test_writes4_another_database_below_lets_all_tentative_writes_be_executed_afresh() -> None:
    """Where a server takes over a database, each tentative general write is executed on it in its order."""
    scenario = (
        f"{TRIO}breakConnection 0 1; breakConnection 1 2; write 8 a set n/a 1 if absent n/b; "
        "write 8 c set n/c 1 if absent n/a; outcome 8 a; outcome 8 c; write 9 b set n/b 1; truncateLog 2; "
        "crashServer 0; restoreConnection 1 2; outcome 8 a; outcome 8 c; rows 8 n/"
    )
    assert printed(scenario) == [
        "a:applied:FALSE",
        "c:conflict:FALSE",
        "a:conflict:FALSE",
        "c:applied:FALSE",
        "n/b:1:TRUE",
        "n/c:1:FALSE",
    ]


# Asking for an outcome.


@pytest.fixture
def driven() -> Driven:
    return Driven(SimulatedWorld(check=True))


def ask(driven: Driven, client: int, question: Change | Outcome) -> Did:
    did = system_of(driven.run).ask(client, Do(question), Did)
    system_of(driven.run).settle([1])
    return did


def test_writes4_an_outcome_tells_the_rows_that_were_changed(driven: Driven) -> None:
    """The outcome of a write names the rows that it changed, so that one learns which key "new" has
    chosen."""
    did = None
    for name in ("one", "two"):
        body = made_body({"name": name, "do": [["new", "c", "k", name]]})
        did = ask(driven, 10, Change(body.text))
    assert did is not None
    assert isinstance(did.reply, Written)
    standing = ask(driven, 11, Outcome(did.reply.stamp, did.reply.server)).reply
    assert isinstance(standing, Standing)
    assert (standing.state, standing.outcome, standing.rows) == ("committed", 0, ("c", "k-2"))


def test_writes4_elsewhere_there_is_no_such_write(driven: Driven) -> None:
    """A server that does not cover a write says that there is none, which is a read like others."""
    driven.say("pause")
    assert ask(driven, 11, Outcome(7, ROOT)).verdict == OK
    standing = ask(driven, 11, Outcome(7, ROOT)).reply
    assert isinstance(standing, Standing)
    assert standing.state == "unknown"
    driven.say("joinClient 12 0", "put 12 a b", "restoreConnection 11 0")
    assert ask(driven, 11, Outcome(7, ROOT)).verdict == OK
    driven.say("restoreConnection 11 2")
    assert ask(driven, 11, Outcome(7, ROOT)).verdict == REFUSED


# Conflicts, creation and retirement.


def test_writes4_conflicts_are_rows() -> None:
    """A conflict is read as a row of !conflicts, and a write that deletes the row deals with it."""
    scenario = (
        f"{PAIR}write 8 a nothing if present n/a; write 8 b del !conflicts/{2:020}:; conflicts 8; "
        "rows 8 !conflicts/"
    )
    assert printed(scenario) == ["!conflicts/:ERR_KEY"]


def test_writes4_a_newcomer_executes_what_is_tentative_at_its_creator() -> None:
    """A server that is created among tentative writes has their outcomes from the start."""
    scenario = (
        "joinServer 5; joinServer 1; joinClient 8 1; pause; breakConnection 1 5; write 8 a set n/a 1; "
        "write 8 b nothing if absent n/a; joinServer 3; joinClient 9 3; outcome 9 a; outcome 9 b; conflicts 9"
    )
    assert printed(scenario) == ["a:applied:FALSE", "b:conflict:FALSE", "CONFLICT:(b):FALSE"]


def test_writes4_a_server_retires_with_general_writes_that_are_tentative() -> None:
    """The writes of a server that retires are executed, and change their outcomes, where it has handed them
    to."""
    scenario = (
        f"{TRIO}breakConnection 0 1; breakConnection 0 2; pause; write 8 a nothing if absent n/a; "
        "retireServer 1; "
        "outcome 9 a; write 7 z set n/a 1; restoreConnection 0 2; start; outcome 9 a"
    )
    assert printed(scenario) == ["a:applied:FALSE", "a:conflict:TRUE"]


def test_writes4_an_heir_commits_the_general_writes_that_it_holds() -> None:
    """Who takes over the primary's duty commits its general writes behind what the old one has committed."""
    scenario = (
        f"{PAIR}pause; write 9 a nothing if absent n/a; write 8 z set n/a 1; retireServer 0; outcome 9 a; "
        "printLog 1"
    )
    assert printed(scenario) == ["a:conflict:TRUE", "WRITE:(z, applied):TRUE", "WRITE:(a, conflict):TRUE"]


@pytest.mark.processes
def test_writes4_a_server_that_is_killed_executes_its_tentative_writes_again() -> None:
    """Executions are not kept: a server that comes back makes them again, the same in both worlds."""
    scenario = (
        f"{PAIR}breakConnection 0 1; write 9 a set n/a 1; write 9 b nothing if absent n/a; "
        "write 9 c new n/a 2; "
        "crashServer 1; restartServer 1; printLog 1; conflicts 9; rows 9 n/"
    )
    expected = [
        "WRITE:(a, applied):FALSE",
        "WRITE:(b, conflict):FALSE",
        "WRITE:(c, applied):FALSE",
        "CONFLICT:(b):FALSE",
        "n/a:1:FALSE",
        "n/a-2:2:FALSE",
    ]
    assert printed(scenario) == printed_by_processes(scenario) == expected
