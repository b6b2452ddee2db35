"""Consensus, section 4: the lock service."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayou.families.locks.table import (
    ALREADY,
    EXPIRE,
    HELD,
    LOCK,
    NOT_YOURS,
    NOTHING,
    RELEASED,
    UNLOCK,
    WAITING,
    Table,
)
from tests.behaviour.consensus import WORLDS, Done, printed, run_in, run_in_both


def table(*commands: tuple[int, str]) -> tuple[Table, list[str]]:
    """Return the table that commands of clients make, from slot 0 on, and what came of each."""
    made = Table()
    return made, [made.take(slot, client, text) for slot, (client, text) in enumerate(commands)]


def remarks(done: Done) -> list[tuple[int, str]]:
    """Return the lines that were remarked upon, and in which words."""
    said = []
    for line in done.said:
        (words,) = (words for words in ("holds it already", "does not hold it") if words in line)
        said.append((int(line.split(":")[1]), words))
    return said


OURS, THEIRS = "holds it already", "does not hold it"


@pytest.mark.processes
def test_consensus4_example_of_locks() -> None:
    """Commands that change nothing bring a line on standard error, which is no error, and printLocks shows
    the rest."""
    text = (
        "startLocks 3 3; lock 1 8; lock 0 8; lock 1 8; unlock 0 8; unlock 1 8; lock 2 3; unlock 2 3; "
        "printLocks"
    )
    done = run_in_both(text)
    assert (done.printed, done.status) == (["3: free", "8: 0"], 0)
    assert remarks(done) == [(4, OURS), (5, THEIRS)]
    assert run_in_both(text, "--strict") == done


def test_consensus4_every_command_has_its_answer() -> None:
    """A lock that is free is held, one that is held is waited for, and what changes nothing is answered
    so."""
    made, answers = table(
        (0, "unlock 1"), (0, "lock 1"), (1, "lock 1"), (2, "lock 1"), (0, "lock 1"), (1, "lock 1"),
        (1, "unlock 1"), (0, "unlock 1"), (0, "unlock 1"), (1, "unlock 1"), (2, "unlock 1"), (2, "unlock 1"),
    )  # fmt: skip
    assert answers == [
        NOT_YOURS, HELD, WAITING, WAITING, ALREADY, ALREADY, NOT_YOURS,
        RELEASED, NOT_YOURS, RELEASED, RELEASED, NOT_YOURS,
    ]  # fmt: skip
    assert list(made.lines()) == ["1: free"]


@pytest.mark.processes
def test_consensus4_locks_pass_to_the_first_in_the_queue() -> None:
    """An unlock hands the lock to the first in its queue, and frees it where nobody waits."""
    text = "startLocks 3 3; lock 0 1; lock 2 1; lock 1 1; printLocks"
    for client in (0, 2, 1):
        text += f"; unlock {client} 1; printLocks"
    assert printed(text) == ["1: 0 waiting 2,1", "1: 2 waiting 1", "1: 1", "1: free"]


@pytest.mark.processes
def test_consensus4_one_unlock_frees_a_lock() -> None:
    """Locks are not re-entrant: one unlock frees a lock that was asked for twice."""
    done = run_in_both("startLocks 3 2; lock 0 1; lock 0 1; unlock 0 1; printLocks; unlock 0 1")
    assert (done.printed, remarks(done)) == (["1: free"], [(3, OURS), (6, THEIRS)])


@pytest.mark.processes
def test_consensus4_who_waits_can_not_unlock() -> None:
    """A client that only waits can't unlock, and keeps its place."""
    done = run_in_both(
        "startLocks 3 2; lock 0 1; lock 1 1; unlock 1 1; printLocks; lock 1 1; unlock 0 1; printLocks"
    )
    assert (done.printed, remarks(done)) == (["1: 0 waiting 1", "1: 1"], [(4, THEIRS), (6, OURS)])


def test_consensus4_a_grant_carries_the_slot_that_made_it() -> None:
    """A grant carries the slot that made it, which only grows for a lock: a fencing token."""
    made = Table()
    grants = []
    orders = [
        (0, "lock 1"),
        (0, "lock 2"),
        (1, "lock 1"),
        (2, "lock 2"),
        (9, "expire 0"),
        (1, "unlock 1"),
        (0, "lock 1"),
    ]
    for slot, (client, text) in enumerate(orders):
        made.take(slot, client, text)
        grants += made.grants
    assert grants == [(0, 1, 0), (0, 2, 1), (1, 1, 4), (2, 2, 4)]


@pytest.mark.processes
def test_consensus4_a_client_that_waits_may_ask_for_other_locks() -> None:
    """lock does not wait for the grant: a client that waits for one lock may ask for others."""
    text = "startLocks 3 2; lock 0 1; lock 1 1; lock 1 2; lock 0 2; printLocks; unlock 1 2; printLocks"
    assert printed(text) == ["1: 0 waiting 1", "2: 1 waiting 0", "1: 0 waiting 1", "2: 0"]


@pytest.mark.processes
def test_consensus4_deadlocks_are_left_alone() -> None:
    """A deadlock is left alone, and the scenario goes on."""
    text = (
        "startLocks 3 2; lock 0 1; lock 1 2; lock 0 2; lock 1 1; allClear; printLocks; unlock 0 1; printLocks"
    )
    assert printed(text) == ["1: 0 waiting 1", "2: 1 waiting 0", "1: 1", "2: 1 waiting 0"]


@pytest.mark.processes
def test_consensus4_commands_wait_for_a_majority() -> None:
    """Commands wait for a majority, one at a time for each client, and are remarked upon when they are
    applied, by their own line."""
    done = run_in_both(
        "startLocks 3 2; crashServer 0; crashServer 2; unlock 1 5; lock 0 5; lock 0 5; printLocks; "
        "restartServer 0; "
        "printLocks"
    )
    assert (done.printed, remarks(done)) == (["5: 0"], [(4, THEIRS), (6, OURS)])


# Crashed clients.


@pytest.mark.processes
def test_consensus4_a_crashed_client_keeps_what_it_has() -> None:
    """A crashed client keeps what it holds and its places, and grants to it stand."""
    text = "startLocks 3 3; lock 0 5; lock 1 5; lock 2 5; lock 1 6; crashClient 1; unlock 0 5; printLocks"
    assert printed(text) == ["5: 1 waiting 2", "6: 1"]


@pytest.mark.processes
def test_consensus4_an_expiry_gives_everything_back() -> None:
    """expireClient takes a crashed client out of all locks, each of which goes to its next waiter."""
    text = (
        "startLocks 3 4; lock 1 5; lock 2 5; lock 1 9; lock 0 7; lock 1 7; lock 3 7; crashClient 1; "
        "expireClient 1; "
        "printLocks; unlock 0 7; printLocks"
    )
    assert printed(text) == ["5: 2", "7: 0 waiting 3", "9: free", "5: 2", "7: 3", "9: free"]


@pytest.mark.processes
def test_consensus4_an_expiry_waits_for_a_majority() -> None:
    """An expiry is a decree, which waits for a majority like any message."""
    text = (
        "startLocks 3 2; lock 0 1; lock 1 1; crashClient 0; crashServer 0; crashServer 1; expireClient 0; "
        "printLocks; "
        "restartServer 1; printLocks"
    )
    assert printed(text) == ["1: 0 waiting 1", "1: 1"]


@pytest.mark.processes
def test_consensus4_orders_to_the_crashed_are_off() -> None:
    """Orders to a crashed client, an expiry of one that lives and a second expiry are off."""
    done = run_in_both(
        "startLocks 1 2; expireClient 0; crashClient 0; lock 0 1; unlock 0 1; crashClient 0; expireClient 0; "
        "expireClient 0; lock 0 1; crashClient 2; expireClient 2; expireClient -1; printLocks"
    )
    assert (done.printed, done.lines) == ([], [2, 4, 5, 6, 8, 9, 10, 11, 12])


@pytest.mark.processes
def test_consensus4_what_nobody_accepted_is_gone_with_its_client() -> None:
    """What no server has accepted of a crashed client's is gone with it."""
    text = (
        "startLocks 3 2; crashServer 1; crashServer 2; lock 0 1; crashClient 0; restartServer 1; printLocks"
    )
    assert printed(text) == []


@pytest.mark.processes
def test_consensus4_what_was_accepted_counts_where_it_is_found() -> None:
    """What a server has accepted of a crashed client's is decided where a new leader finds it, and counts."""
    text = (
        "startLocks 3 2; crashServer 1; timeBombLeader {}; lock 0 1; lock 0 2; crashClient 0; "
        "restartServer 1; "
        "printLocks"
    )
    assert printed(text.format(1)) == []  # the Accept went to the dead server 1
    assert printed(text.format(2)) == ["1: 0"]  # lock 0 2 had not left the client
    again = "restartServer 0; crashServer 1; printLocks"
    assert printed(f"{text.format(1)}; {again}") == ["1: 0"]  # server 0 had accepted it, and is heard now


@pytest.mark.processes
def test_consensus4_a_crashed_client_hears_no_remarks() -> None:
    """What comes of a crashed client's commands is not remarked upon."""
    text = "startLocks 3 2; crashServer 1; timeBombLeader 2; unlock 0 1; {}; restartServer 1; printLocks"
    assert remarks(run_in_both(text.format("crashClient 0"))) == []
    assert remarks(run_in_both(text.format("allClear"))) == [(4, THEIRS)]


def test_consensus4_a_command_after_its_clients_expiry_names_no_lock() -> None:
    """A command that is decided after its client was expired does nothing, and names no lock."""
    made, answers = table((9, "expire 0"), (0, "lock 7"), (0, "unlock 7"), (1, "lock 3"))
    assert (answers, list(made.lines())) == ([NOTHING, NOTHING, NOTHING, HELD], ["3: 1"])
    assert (LOCK, UNLOCK, EXPIRE) == ("lock", "unlock", "expire")


@pytest.mark.processes
def test_consensus4_an_accepted_command_is_put_aside_by_the_expiry() -> None:
    """A command accepted in a slot where a leader that had not heard of it puts the expiry never counts."""
    text = (
        "startLocks 5 2; crashServer 1; crashServer 2; timeBombLeader 1; lock 0 7; crashClient 0; "
        "expireClient 0; "
        "restartServer 1; restartServer 0; crashServer 1; lock 1 3; printLocks"
    )
    assert printed(text) == ["3: 1"]


# What is printed.


@pytest.mark.processes
def test_consensus4_locks_are_printed_by_number() -> None:
    """printLocks prints each lock that a decided lock command has named, by number, and no other."""
    done = run_in_both(
        "startLocks 3 2; lock 0 10; lock 1 9; unlock 1 7; lock 0 9; unlock 0 10; lock 1 0; printLocks"
    )
    assert done.printed == ["0: 1", "9: 1 waiting 0", "10: free"]
    assert remarks(done) == [(4, THEIRS)]


@pytest.mark.processes
def test_consensus4_printing_needs_no_server() -> None:
    """printLocks waits for nothing: it shows what anybody was ever told is decided, also with no server
    alive."""
    dead = "crashServer 0; crashServer 1; crashServer 2; lock 1 1; printLocks"
    assert printed(f"startLocks 3 2; lock 0 1; lock 1 2; {dead}") == ["1: 0", "2: 1"]
    assert printed(
        f"startLocks 3 2; lock 0 1; crashClient 0; crashClient 1; {dead.replace('lock 1 1; ', '')}"
    ) == ["1: 0"]


@pytest.mark.processes
def test_consensus4_printing_knows_what_the_clients_were_told() -> None:
    """Before the first Decide the clients were told, and so was whoever prints."""
    text = "startLocks 3 1; crashServer 2; timeBombLeader {}; lock 0 1; printLocks"
    assert printed(text.format(2)) == []
    assert printed(text.format(3)) == ["1: 0"]


@pytest.mark.processes
def test_consensus4_free_running_printing_reads_through_the_log() -> None:
    """Free-running, printLocks is a read through the log: it shows all that was answered before."""
    text = "startLocks 3 2; lock 0 1; allClear; printLocks; crashServer 0; lock 1 1; allClear; printLocks"
    for world in WORLDS:
        done = run_in(world, text, "--free-running")
        assert (done.printed, done.said) == (["1: 0", "1: 0 waiting 1"], [])
    at_once = run_in("sim", "startLocks 3 2; lock 0 1; lock 1 2; printLocks; allClear", "--free-running")
    assert at_once.printed == ["1: 0", "2: 1"], "nothing was known to be decided when it was asked for"


@pytest.mark.processes
def test_consensus4_faults_never_change_who_holds_what() -> None:
    """Losses, doubles and delays never change who holds what."""
    story = (
        "lock 0 1; lock 1 1; lock 2 1; timeBombLeader 3; unlock 0 1; restartServer 0; lock 2 4; "
        "crashClient 1; "
        "expireClient 1; timeBombLeader 5; lock 0 4; unlock 2 1; printLocks"
    )
    calm = printed(f"startLocks 3 3; {story}")
    assert calm == ["1: free", "4: 2 waiting 0"]
    for weather in ("lossRate 0.5", "duplicateRate 0.9; reorderRate 0.5; delayUpTo 10"):
        for world in WORLDS:
            assert run_in(world, f"startLocks 3 3; {weather}; {story}").printed == calm


# Scripts.


def run_scripts(folder: Path, *scripts: str, options: tuple[str, ...] = ()) -> Done:
    """Run ``bayou locks run`` on scripts, their lines parted by semicolons."""
    names = []
    for number, script in enumerate(scripts):
        names.append(f"client-{number}.txt")
        (folder / names[-1]).write_text("".join(f"{line.strip()}\n" for line in script.split(";")))
    done = subprocess.run(
        [sys.executable, "-m", "bayou", "locks", "run", *options, *names],
        cwd=folder, env={**os.environ, "PYTHONPATH": os.getcwd()}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    return Done(done.stdout.splitlines(), done.stderr.splitlines(), done.returncode)


@pytest.mark.processes
@pytest.mark.parametrize("world", WORLDS)
def test_consensus4_scripts_print_each_grant(world: str, tmp_path: Path) -> None:
    """bayou locks run has a script for each client, prints each grant as it happens, and gives back what a
    script holds that ends, whatever messages suffer and whichever server fails and recovers."""
    weather = ("--loss", "0.2", "--duplicate", "0.2", "--reorder", "0.2", "--delay", "5", "--seed", "4")
    fails = ("--fail", "0", "--fail", "1@0.2", "--recover", "0.3")
    done = run_scripts(
        tmp_path, "lock 1; sleep 0.3; lock 2", "sleep 0.1; lock 1; unlock 1; lock 1; # done",
        options=("--world", world, "--servers", "5", *weather, *fails),
    )  # fmt: skip
    assert (done.said, done.status) == ([], 0)
    assert sorted(done.printed) == ["1: 0", "1: 1", "1: 1", "2: 0"]
    assert done.printed.index("1: 0") < done.printed.index("2: 0"), "client 0 took lock 1 first"


@pytest.mark.processes
def test_consensus4_scripts_that_wait_for_each_other_end(tmp_path: Path) -> None:
    """Where all scripts wait for each other, or nothing moves for the deadline, it ends with status 3 and
    says who waits for what."""
    done = run_scripts(
        tmp_path, "lock 1; sleep 0.5; lock 2", "lock 2; sleep 0.5; lock 1", options=("--world", "sim")
    )
    assert (sorted(done.printed), done.status) == (["1: 0", "2: 1"], 3)
    assert "client 0 waits for lock 2, which client 1 holds" in "\n".join(done.said)
    lost = ("--world", "sim", "--fail", "0@0.2", "--fail", "1@0.2", "--deadline", "3")
    done = run_scripts(tmp_path, "lock 1; sleep 0.5; unlock 1; lock 3", options=lost)
    assert (done.printed, done.status) == (["1: 0"], 3)
    assert "majority" in "\n".join(done.said)


@pytest.mark.processes
def test_consensus4_a_bad_script_starts_nothing(tmp_path: Path) -> None:
    """A bad line of a script is told with file, line and remedy, with status 2, before anything starts."""
    done = run_scripts(tmp_path, "lock 1", "lok 1; sleep; lock -1")
    assert (done.printed, done.status) == ([], 2)
    assert [line.split(": ")[0] for line in done.said] == [
        "client-1.txt:1",
        "client-1.txt:2",
        "client-1.txt:3",
    ]
    assert "did you mean lock" in done.said[0]
