"""``bayou chat run``: servers and clients of a chat, all at once, in both worlds."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bayou.families.chat.commands import ChatSystem, open_system
from bayou.families.chat.machines import View
from bayou.families.log.settings import plain_of
from bayou.running.arguments import settings_for
from bayou.running.comparing import Comparison, compare
from bayou.running.messages import ChatRun, Plan
from bayou.running.stage import RunStage
from bayou.worlds.simulated import SimulatedWorld
from tests.commands import Bayou, bayou
from tests.processes import wait_until

WORLDS = [pytest.param("processes", marks=pytest.mark.processes), "sim"]
both = pytest.mark.parametrize("world", WORLDS)
LINE = re.compile(r"messages (\d+), slots (\d+), no-ops (\d+), view changes (\d+), all logs equal\n")


def run(world: str, *arguments: str | Path, hashes: str = "0") -> subprocess.CompletedProcess[str]:
    return bayou("chat", "run", "--world", world, *arguments, PYTHONHASHSEED=hashes)


def run_well(world: str, *arguments: str | Path) -> tuple[int, ...]:
    """Run a chat that ends as it should; return messages, slots, no-ops and view changes."""
    done = run(world, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    match = LINE.fullmatch(done.stdout)
    assert match, done.stdout
    return tuple(map(int, match.groups()))


@both
def test_a_hundred_messages(world: str) -> None:
    assert run_well(world)[0] == 100


def test_a_quiet_run_has_one_leader_and_no_more_slots_than_messages() -> None:
    assert run_well("sim") == (100, 100, 0, 0)
    assert run_well("sim", "--messages", "0") == (0, 0, 0, 0)
    assert run_well("sim", "--messages", "3", "--clients", "7", "-f", "0") == (3, 3, 0, 0)


@both
def test_leaders_are_killed(world: str) -> None:
    messages, slots, no_ops, changes = run_well(world, "--loss", "0.05", "--kill-leader", "4", "-f", "2")
    assert messages == 100
    assert slots >= 100 + no_ops
    assert changes >= 4


@both
@pytest.mark.parametrize("faulty", [0, 1, 2])
def test_no_more_are_dead_than_may_be(world: str, faulty: int) -> None:
    """And who has been dead longest comes back first, before the next leader is killed."""
    done = run(world, "-f", str(faulty), "--kill-leader", "6", "--messages", "40", "--verbose")
    assert LINE.fullmatch(done.stdout)
    dead: list[str] = []
    kills = 0
    for line in done.stderr.splitlines():
        if match := re.fullmatch(r"server (\d), which led, has died", line):
            dead.append(match[1])
            kills += 1
            assert len(dead) <= max(1, faulty)
            if kills < 6 and faulty:
                assert len(dead) == min(kills, faulty)
        elif match := re.fullmatch(r"server (\d) is back", line):
            assert match[1] == dead.pop(0)
    assert kills == 6
    assert dead == []


@both
def test_slots_are_left_empty_until_another_leads(world: str) -> None:
    messages, slots, no_ops, changes = run_well(world, "--skip-slots", "1,2")
    assert (messages, no_ops, changes) == (100, 2, 1)
    assert slots >= 102


@both
def test_slots_are_filled_when_the_leader_is_killed(world: str) -> None:
    messages, slots, no_ops, changes = run_well(
        world, "--skip-slots", "1,2", "--kill-leader", "2", "--loss", "0.1"
    )
    assert messages == 100
    assert slots >= 102
    assert no_ops >= 2
    assert changes >= 2


def test_skipped_slots_beyond_the_last_message_are_of_no_account() -> None:
    assert run_well("sim", "--messages", "5", "--skip-slots", "5,900") == (5, 5, 0, 0)


def test_the_only_server_gets_over_slots_that_it_leaves_empty() -> None:
    assert run_well("sim", "-f", "0", "--messages", "5", "--skip-slots", "0") == (5, 6, 1, 1)


def test_one_seed_gives_the_same_bytes() -> None:
    arguments = ["--loss", "0.3", "--kill-leader", "3", "--verbose"]
    runs = [run("sim", "--seed", seed, *arguments, hashes=hashes) for seed in "12" for hashes in "012"]
    outcomes = [(done.returncode, done.stdout, done.stderr) for done in runs]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert outcomes[3] == outcomes[4] == outcomes[5]
    assert outcomes[0] != outcomes[3]


def test_nothing_moves(tmp_path: Path) -> None:
    """Within less than a message takes, nothing ever does."""
    done = run("sim", "--deadline", "0.0001", "--clients", "2")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(
        "bayou chat run: nothing has moved for 0.0001 s: client 0 waits for a leader to "
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["-f", "-1"], ["-f", "50"], ["--clients", "0"], ["--clients", "1000"], ["--messages", "-1"],
        ["--messages", "x"], ["--loss", "1"], ["--timeout", "0"], ["--skip-slots", "1,,2"],
        ["--skip-slots", "-1"], ["--skip-slots", "1, 2"], ["--kill-leader", "-1"], ["--config", "missing"],
        ["--world", "moon"], ["more"],
    ],
)  # fmt: skip
def test_a_wrong_option(arguments: list[str]) -> None:
    done = bayou("chat", "run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


# A configuration.


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.json"
    assert bayou("chat", "config", "-f", "2", "-o", path, "--loss", "0.1", "--timeout", "0.5").returncode == 0
    return path


@both
def test_a_run_of_a_configuration(config: Path, world: str) -> None:
    assert run_well(world, "--config", config, "--kill-leader", "3")[0] == 100


def test_what_a_configuration_says(config: Path) -> None:
    """Its servers, loss and time-outs count; the command line goes before."""

    def outcome(*arguments: str | Path) -> tuple[int, str, str]:
        done = run("sim", "--kill-leader", "2", "--verbose", *arguments)
        return done.returncode, done.stdout, done.stderr

    told = outcome("--config", config)
    assert told == outcome("-f", "2", "--loss", "0.1", "--timeout", "0.5")
    assert told != outcome("-f", "2", "--timeout", "0.5")
    assert told != outcome("-f", "2", "--loss", "0.1")
    assert outcome("--config", config, "--loss", "0", "-f", "1", "--timeout", "0.1") == outcome(
        "--timeout", "0.1"
    )


def test_a_configuration_that_is_off(config: Path) -> None:
    config.write_text(config.read_text().replace('"loss": 0.1', '"loss": 5'))
    done = run("sim", "--config", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(rf"{config}:\d+: loss is a number from 0 to 0.9, not 5\n", done.stderr)


# Progress.


@pytest.mark.processes
def test_progress_is_for_terminals() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "bayou", "chat", "run", "--world", "sim", "--kill-leader", "1"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        timeout=60,
    )
    os.close(theirs)
    told = b""
    try:
        while piece := os.read(ours, 65536):
            told += piece
    except OSError:  # a terminal that nobody has open any more
        pass
    os.close(ours)
    assert LINE.fullmatch(done.stdout.decode())
    assert b"\r100 of 100 messages, 1 of 1 leaders killed" in told
    assert told.endswith(b"\r\x1b[K")


def simulated(
    plan: Plan, told: list[tuple[int, int]], seed: int = 0
) -> tuple[Comparison, ChatRun, ChatSystem]:
    """Run a chat in the simulated world, in this process."""
    options = {"chat": plain_of(settings_for(0.2))}
    system = open_system(RunStage(SimulatedWorld(seed=seed, check=True), options=options))
    chat = ChatRun(system, plan, lambda done, killed: told.append((done, killed)))
    return chat.run(), chat, system


@pytest.mark.parametrize("kills", [1, 2, 5, 30, 60])
def test_kills_are_spread_evenly(kills: int) -> None:
    """The k-th of K kills comes at the k-th of K + 1 parts of the messages, as far as messages that are
    delivered at the same time allow."""
    told: list[tuple[int, int]] = []
    come, chat, _ = simulated(Plan(1, 3, 3, 60, kills=kills), told)
    assert come.difference is None
    assert chat.view_changes >= kills
    for before, after in pairwise(told):
        if after[1] > before[1]:
            assert after[1] == before[1] + 1
            due = 60 * after[1] / (kills + 1)
            assert due <= after[0] < due + 3 + 60 / (kills + 1)
    assert told[-1] == (60, kills)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_all_logs_are_equal(seed: int) -> None:
    come, _, _ = simulated(Plan(2, 5, 6, 60, loss=0.3, skips=(1, 7), kills=7), [], seed)
    assert (come.messages, come.difference) == (60, None)


# Bugs that are planted.


def test_a_view_that_lacks_a_message_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    take = View.take

    def forget(self: View, slot: int, command: object) -> object:
        return take(self, slot, command) if slot != 7 else take(View(), slot, command)  # type: ignore[arg-type]

    monkeypatch.setattr(View, "take", forget)
    come, _, _ = simulated(Plan(1, 3, 2, 20), [])
    assert come.difference
    assert come.difference.startswith("client 0 has '8 ")
    assert "where the log of server 0 has '7 " in come.difference


@pytest.fixture
def sound() -> tuple[dict[int, list[str]], dict[int, list[str]], dict[int, list[str]]]:
    logs = {server: ["0 1 1: a", "1 no-op", "2 0 1: b", "3 1 1: a", "4 1 2: c: d"] for server in (0, 2)}
    views = {client: ["0 1: a", "2 0: b", "4 1: c: d"] for client in (0, 1)}
    return logs, views, {0: ["b"], 1: ["a", "c: d"]}


Sound = tuple[dict[int, list[str]], dict[int, list[str]], dict[int, list[str]]]


def test_what_is_equal(sound: Sound) -> None:
    assert compare(*sound) == Comparison(3, 5, 1, None)


@pytest.mark.parametrize(
    ("where", "whose", "lines", "difference"),
    [
        (0, 2, ["0 1 1: a", "1 no-op", "2 no-op"], "server 2 has '2 no-op' where server 0 has '2 0 1: b'"),
        (0, 2, ["0 1 1: a"], "server 2 lacks '1 no-op', which server 0 has"),
        (1, 1, ["0 1: a", "2 0: b"], "client 1 lacks '4 1: c: d', which the log of server 0 has"),
        (1, 0, ["0 1: a", "2 0: b", "4 1: c: d", "5 1: e"],
         "client 0 has '5 1: e', which the log of server 0 lacks"),
        (1, 1, ["0 1: a", "2 0: b", "3 1: a", "4 1: c: d"],
         "client 1 has '3 1: a' where the log of server 0 has '4 1: c: d'"),
        (2, 0, ["b", "z"], "the log lacks message 2 of client 0: 'z'"),
        (2, 0, [], "the log has 'b' as message 1 of client 0, who has not sent that"),
        (2, 1, ["x", "c: d"], "the log has 'a' as message 1 of client 1, who has not sent that"),
    ],
)  # fmt: skip
def test_the_first_difference_is_told(
    sound: Sound, where: int, whose: int, lines: list[str], difference: str
) -> None:
    sound[where][whose] = lines
    assert compare(*sound).difference == difference


def test_a_message_that_is_left_out_of_all_logs_is_told(sound: Sound) -> None:
    logs, views, sent = sound
    for log in logs.values():
        log[0] = log[3] = "0 no-op"
    for view in views.values():
        del view[0]
    assert compare(logs, views, sent).difference == "the log has message 2 of client 1 where 1 is due"


# How it ends.


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_a_second(number: signal.Signals) -> None:
    with Bayou("chat", "run", "--messages", "1000000", "-f", "2") as running:
        wait_until(lambda: len(running.family()) == 2 + 5 + 10)
        began = time.monotonic()
        os.killpg(running.process.pid, number)
        assert running.process.wait(20) == -number
        wait_until(lambda: not running.family())  # a signal for all ends each by itself
        assert time.monotonic() - began < 1
        assert running.end()[1:] == ("", "")


@pytest.mark.processes
def test_nothing_outlives_a_killed_run() -> None:
    with Bayou("chat", "run", "--messages", "1000000") as running:
        wait_until(lambda: len(running.family()) == 2 + 3 + 10)
        os.kill(running.process.pid, signal.SIGKILL)
        assert wait_until(lambda: not running.family(), 10) < 1
