"""Exploring chat and locks: random scenarios, what campaigns see, and weak services that they find."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayou.explore.campaign import Plan, run_batch
from bayou.explore.main import main
from bayou.explore.trial import AT_REST, Trial
from bayou.families import FAMILIES
from bayou.families.chat import exploring as chat
from bayou.families.locks import exploring as locks
from bayou.families.log.client import LogClient
from bayou.families.log.generate import REST
from bayou.families.log.knobs import REST_ELECTIONS
from bayou.families.planting import Patch, known_bugs, planted
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.simulated.setup import Setup
from bayou.worlds.world import DeadlineExceeded

SEEDS = int(os.environ.get("BAYOU_TEST_LOG_SEEDS", "30"))
BOTH = pytest.mark.parametrize("family", ["chat", "locks"])


def plan_of(family: str, **more: object) -> Plan:
    return Plan(package=FAMILIES[family].package, **more)  # type: ignore[arg-type]


@BOTH
def test_a_campaign_finds_nothing(family: str) -> None:
    """Invariants are walked after each step in the first ones; docs/exploring.md tells of long campaigns."""
    batch = run_batch(plan_of(family, check=True), 0, SEEDS // 10)
    batch += run_batch(plan_of(family), SEEDS // 10, SEEDS - SEEDS // 10)
    assert [(finding.seed, finding.problem, finding.details) for finding in batch.findings] == []
    for sight in ("a message lost", "a value adopted by a new leader", "a crash in the middle of a command"):
        assert batch.sightings[sight], sight


@BOTH
def test_a_scenario_ends_at_rest_with_all_faults_over(family: str) -> None:
    exploring = FAMILIES[family].part("exploring")
    for seed in range(40):
        lines = exploring.scenario(seed, 30)
        servers = int(lines[0].split()[1])
        rest = max(at for at, line in enumerate(lines) if line == REST and at < len(lines) - 1)
        last = {line.split()[0]: line for line in lines[:rest] if line.split()[0].endswith(("Rate", "UpTo"))}
        assert all(line.endswith(" 0") for line in last.values()), seed
        back = [f"restartServer {server}" for server in range(servers)]
        assert lines[rest - servers : rest] == back
        assert any(line.startswith("print") for line in lines[rest:])


@pytest.mark.processes
def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "from bayou.explore.campaign import Plan\n"
        "from bayou.trace.file import to_line\n"
        "for family in ('chat', 'locks'):\n"
        "    for seed in range(12):\n"
        "        trial = Plan(package=f'bayou.families.{family}').trial(seed).run()\n"
        "        print(*trial.lines, *map(to_line, trial.events), sep='\\n')\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert runs[0].count(b"\n") > 10_000


# Weak services.

SOON_FOUND = {
    "a promise that is not durable": 5,
    "an acceptance that is not durable": 5,
    "a majority less one": 5,
    "a client that takes decided for delivered": 60,
}
"""Bugs, and within how many seeds they are found: docs/exploring.md has all of them."""


@pytest.mark.parametrize("bug", SOON_FOUND)
def test_a_weak_chat_is_found(bug: str) -> None:
    batch = run_batch(plan_of("chat", bug=bug), 0, SOON_FOUND[bug])
    assert batch.findings
    finding = batch.findings[0]
    assert Trial(finding.lines, chat.setup_for(finding.seed)).run().problem is None, "the sound one passes"


LATE_COMMAND = """startLocks 3 3
partition 0 | 1 2
lock 0 0
lock 1 1
wait 20
crashClient 0
crashClient 1
crashServer 0
heal
expireClient 1
wait 1000
restartServer 0
timeBombLeader 0
wait 1000
lock 2 1
allClear
"""
"""Server 0 alone has accepted what clients 0 and 1 asked for. Client 1 is expired in the slot that the first
of these had, and the second is decided behind that."""


def test_a_late_command_of_an_expired_client_is_noticed() -> None:
    bug = "an expired client's late command applied"
    sound = Trial(LATE_COMMAND.splitlines(), Setup(free_running=True)).run()
    assert sound.problem is None
    assert sound.sightings["an expired client's command, decided later"] == 1
    with planted(bug):
        weak = Trial(LATE_COMMAND.splitlines(), Setup(free_running=True)).run()
    assert weak.problem in ("linearizable", "results", "grants")


def deaf(patch: Patch) -> None:
    """A client sends each of its commands only once."""
    patch.setattr(LogClient, "_tick", lambda self, effects: setattr(self, "wake_at", None))


def test_what_is_not_decided_in_time_is_found() -> None:
    """Within fifty election time-outs, and not within a minute or two."""
    batch = run_batch(plan_of("chat", bug=f"{__name__}:deaf"), 0, 40)
    assert [finding.problem for finding in batch.findings] == [AT_REST]
    setup = chat.setup_for(batch.findings[0].seed)
    assert setup.free_running
    election_s = setup.families["chat"]["election_s"]
    assert chat.rest_s(setup) == REST_ELECTIONS * election_s
    assert f"not done within {chat.rest_s(setup):g} s" in batch.findings[0].details[-1]


def test_known_bugs_of_the_log_are_bugs_here_or_out_of_reach() -> None:
    for exploring in (chat, locks):
        assert not set(exploring.BUGS) & set(exploring.OUT_OF_REACH)
        assert set(exploring.BUGS) | set(exploring.OUT_OF_REACH) <= set(known_bugs())
    assert set(locks.BUGS) - set(chat.BUGS) == {"an expired client's late command applied"}


def test_the_page_on_exploring_lists_them() -> None:
    page = (Path(__file__).parent.parent / "docs" / "exploring.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in locks.BUGS] == list(locks.BUGS)


# The command line.


@pytest.mark.parametrize(
    ("options", "opener"),
    [(["--of", "chat"], "start"), (["--family", "chat"], "start"), (["--family", "locks"], "startLocks"),
     (["--family", "bayou.families.chat"], "start")],
)  # fmt: skip
def test_a_family_that_comes_with_bayou_is_named(
    options: list[str], opener: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*options, "--seeds", "2", "-j", "1"]) == 0
    assert capsys.readouterr().out.startswith("2 runs, ")
    bug = "a promise that is not durable"
    assert main([*options, "--seeds", "1", "-j", "1", "--bug", bug]) == 1
    told = capsys.readouterr().out
    of = "locks" if opener == "startLocks" else "chat"
    assert f"to run it again: bayou explore --seeds 1 --seed 0 --of {of} --bug '{bug}'" in told
    lines = [line[4:] for line in told.split("what still fails")[1].splitlines() if line.startswith("    ")]
    assert lines[0].startswith("# conditions ")
    assert lines[1].split()[0] == opener
    path = tmp_path / "short.scenario"
    path.write_text("\n".join(lines))
    assert main([str(path), "--bug", bug]) == 1
    assert main([str(path)]) == 0


# Crashes in the middle of things.


def simulated(
    lines: list[str], *, free_running: bool, deadline_s: float = 30.0
) -> tuple[list[str], list[str]]:
    """Run lines in the simulated world; return what was printed and what was said."""
    printed: list[bytes] = []
    said: list[str] = []
    world = Setup(free_running=free_running, patience_s=deadline_s).world()
    run = Run(
        world,
        COMMANDS,
        RunSettings("x", free_running=free_running),
        write=printed.append,
        complain=said.append,
    )
    for number, line in enumerate(lines, start=1):
        run.line(number, line.encode())
    return b"".join(printed).decode().splitlines(), said


@pytest.mark.parametrize("ms", range(14))
@pytest.mark.parametrize("server", [0, 1, 2])
def test_in_lock_step_a_crash_at_any_moment_leaves_everything_at_rest(server: int, ms: int) -> None:
    """Of the leader, of a follower, and of the one that takes over, with another one dead: then the message
    waits for the majority, and not the run for the message."""
    lines = ["start 3 1", "crashServer 0", f"crashSoon {server} {ms}", "sendMessage 0 a", "allClear"]
    printed, said = simulated([*lines, *(f"restartServer {each}" for each in range(3)), "printChatLog 0"],
                              free_running=False)  # fmt: skip
    assert printed == ["0 0: a"]
    assert [line for line in said if "is up" not in line] == []


@pytest.mark.parametrize("ms", [0, 1, 2, 4, 20, 60])
def test_in_lock_step_whoever_takes_over_may_crash_too(ms: int) -> None:
    lines = ["start 5 1", "crashSoon 1 " + str(ms), "crashServer 0", "sendMessage 0 a", "printChatLog 0"]
    assert simulated(lines, free_running=False) == (["0 0: a"], [])


def test_a_crash_is_noticed_while_others_are_waited_for() -> None:
    """The majority goes while allClear waits: nothing is left to be waited for."""
    lines = ["start 3 1", "crashServer 0", "crashSoon 1 40", "sendMessage 0 a", "allClear", "printChatLog 0"]
    assert simulated(lines, free_running=True, deadline_s=5.0) == ([], [])


def test_a_leader_that_crashes_while_it_is_asked_for_leads_no_more() -> None:
    """Its bomb has gone off, and what it has sent is on its way."""
    lines = ["start 5 1", "timeBombLeader 3", "sendMessage 0 a", "wait 1", "timeBombLeader 0", "allClear"]
    printed, said = simulated([*lines, "printChatLog 0"], free_running=True)
    assert printed == ["0 0: a"]
    assert said == ["x:5: timeBombLeader 0: no live server leads; skipped"]


def test_crashes_are_planned_in_the_simulated_world_only() -> None:
    from tests.processes import run_master

    done = run_master("start 1 0\ncrashSoon 0 5\n")
    assert (done.returncode, done.stderr.decode()) == (
        0, "<stdin>:2: crashSoon 0 5: processes crash between commands only: crashServer; skipped\n",
    )  # fmt: skip


# What came of commands.


def test_free_running_each_remark_is_made_once() -> None:
    """Two clients that hear of many outcomes while others are waited for, too."""
    lines = ["startLocks 3 4"]
    lines += [f"unlock {client} {lock}" for lock in range(12) for client in range(4)]
    _, said = simulated([*lines, "allClear"], free_running=True)
    assert sorted(said) == sorted(
        f"x:{2 + 4 * lock + client}: unlock {lock}: client {client} does not hold it"
        for lock in range(12)
        for client in range(4)
    )


def test_a_wait_for_rest_that_is_given_up_loses_no_remark() -> None:
    said: list[str] = []
    world = SimulatedWorld()
    run = Run(world, COMMANDS, RunSettings("x", free_running=True), complain=said.append)
    for line in (b"startLocks 3 2", b"crashServer 1", b"unlock 0 5", b"unlock 1 5", b"delayUpTo 200"):
        run.line(1, line)
    world.patience_s = 0.05
    with pytest.raises(DeadlineExceeded):
        run.line(2, b"allClear")
    world.patience_s = 30.0
    run.line(3, b"allClear")
    assert sorted(said) == [f"x:1: unlock 5: client {client} does not hold it" for client in (0, 1)]


# Echoes.


def test_what_comes_twice_and_late_is_not_answered_over_and_over() -> None:
    """What a client says late that it knew is no news, whatever is decided since. In longer scenarios it
    cost ten thousands of messages."""
    lines = ["startLocks 1 1", "duplicateRate 0.9", "delayUpTo 50", "reorderRate 0.5"]
    lines += [f"{verb} 0 {lock}" for lock in range(8) for verb in ("lock", "unlock")]
    trial = Trial([*lines, "lossRate 0"], Setup(flush_s=0.005, behind_s=0.1)).run()
    assert trial.problem is None
    assert trial.messages < 2500, "they were 5,038"
