"""``bayou explore`` as a command: what it tells and when, the files that it reads, what it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from bayou.explore.campaign import Campaign, Finding, Plan, run_batch
from bayou.explore.files import HEADER, header, read_scenario
from bayou.explore.main import main
from bayou.explore.trial import Trial
from bayou.families.store.generate import scenario
from bayou.families.store.knobs import setup_for
from bayou.families.store.options import settings_of
from bayou.families.store.settings import StoreSettings
from bayou.families.store.sightings import ASKED_AGAIN, SIGHTINGS
from bayou.judging.began import began
from bayou.judging.main import check, replay
from bayou.node.settings import Habits, Limits, Settings
from bayou.worlds.simulated.setup import Setup
from tests.simulated import store_options

HERE = Path(__file__).parent
EXPLORED = HERE / "explored"
SMALL = EXPLORED / "two-servers-and-a-crash.scenario"
BUG = "a session forgets its writes"
SHORT = ["joinServer 4", "joinServer 9", "joinClient 5 4", "delete 5 d", "restoreConnection 5 9", "get 5 d"]

Capture = pytest.CaptureFixture[str]


def lines_of(text: str, after: str) -> list[str]:
    """Return the indented lines that follow the line beginning with ``after``."""
    found = []
    for line in text[text.index(f"\n{after}") + 1 :].splitlines()[1:]:
        if not line.startswith("    "):
            break
        found.append(line[4:])
    return found


# What a campaign tells.


def test_each_finding_is_told_once_and_as_it_comes() -> None:
    """Of seeds in three batches: when a batch is done its findings are told, not when all are."""
    told: list[tuple[int, int]] = []
    done = [0]
    campaign = Campaign(Plan(first=100, seeds=75))
    doctored = {
        seed: Finding(seed, f"rule {seed % 2}", ("why",), ("joinServer 0",)) for seed in (103, 130, 174)
    }
    futures = [run_batch(campaign.plan, first, 25) for first in (100, 125, 150)]

    class Executor:
        """Runs a batch when it is asked for, and adds findings to it."""

        def submit(self, run: object, plan: Plan, first: int, count: int) -> object:
            from concurrent.futures import Future

            batch = futures[(first - 100) // 25]
            findings = tuple(each for seed, each in doctored.items() if first <= seed < first + count)
            future: Future[object] = Future()
            future.set_result(type(batch)(batch.runs, findings, batch.sightings, batch.messages))
            return future

    batch = campaign.run(
        executor=Executor(),  # type: ignore[arg-type]
        found=lambda finding: told.append((finding.seed, done[-1])),
        progress=done.append,
    )
    assert sorted(seed for seed, _ in told) == [103, 130, 174]
    assert sorted(runs for _, runs in told) == [0, 25, 50], "told before the next batch is taken in"
    assert [finding.seed for finding in batch.findings] == [103, 130, 174]


@pytest.mark.processes
def test_findings_are_printed_while_the_campaign_goes_on(tmp_path: Path) -> None:
    """The line of a finding can be read, through a pipe, long before the last seed has been run."""
    (tmp_path / "slow.py").write_text(
        "import os, time\n"
        "from bayou.explore import campaign\n"
        "original = campaign.run_batch\n"
        "def run_batch(plan, first, count):\n"
        "    until = time.monotonic() + 20\n"
        "    while first and not os.path.exists('go-on') and time.monotonic() < until:\n"
        "        time.sleep(0.01)\n"
        "    batch = original(plan, first, count)\n"
        "    finding = campaign.Finding(first, 'made up', ('of it',), ('joinServer 0',))\n"
        "    return campaign.Batch(batch.runs, (finding,), batch.sightings, batch.messages)\n"
        "campaign.run_batch = run_batch\n"
        "from bayou.explore.main import main\n"
        "if __name__ == '__main__':\n"
        "    raise SystemExit(main(['--seeds', '50', '-j', '2']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "slow.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "seed 0: made up: of it\n"
        (tmp_path / "go-on").touch()
        told = process.stdout.read()
        assert process.wait() == 1
    assert told.startswith("seed 25: made up, again\n50 runs, ")
    assert told.count("\nseed 0: ") == 1, "cut down once"


def test_a_run_that_failed_is_told_once_and_can_be_run_again(capsys: Capture, tmp_path: Path) -> None:
    """What it prints, put into a file, fails in the same way with the bug, and passes without."""
    assert main(["--seeds", "30", "--bug", BUG, "-j", "1"]) == 1
    told = capsys.readouterr().out
    first, *rest = told.splitlines()
    seed = re.fullmatch(r"seed (\d+): RYW: .*", first)
    assert seed is not None
    assert sum(line.startswith("seed ") for line in rest) == 1, "and once more, in full"
    assert f"to run it again: bayou explore --seeds 1 --seed {seed[1]} --bug '{BUG}'" in told
    path = tmp_path / "short.scenario"
    path.write_text("\n".join(lines_of(told, "what still fails")))
    assert main([str(path), "--bug", BUG]) == 1
    assert ": RYW\n" in capsys.readouterr().out
    assert main([str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: all is well\n"


# Files.


def test_a_file_is_read_as_the_master_reads_it(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 and a mark of the byte order before the first command."""
    path = tmp_path / "odd.scenario"
    path.write_bytes(
        b"\xef\xbb\xbfjoinServer 0\r\n  joinClient 8 0\r\nput 8 s\xff u\xfe\r\nget 8 s\xff\nprintLog 0"
    )
    ran = subprocess.run([sys.executable, "-m", "bayou", "sim", str(path)], capture_output=True, check=True)
    assert ran.stderr == b""
    printed: list[bytes] = []
    trial = Trial(read_scenario(path).lines, Setup()).run(write=printed.append)
    assert b"".join(printed) == ran.stdout == b"s\xff:u\xfe\nPUT:(s\xff, u\xfe):TRUE\n"
    assert trial.problem is None


def test_a_file_tells_its_conditions_unless_a_seed_is_given(tmp_path: Path, capsys: Capture) -> None:
    path, trace = tmp_path / "a.scenario", tmp_path / "a.jsonl"
    setup = setup_for(17)
    path.write_text("\n".join(["# what it shows", header(setup), *SHORT]))
    assert read_scenario(path).setup == setup
    first = []
    for arguments in ([], ["--seed", "0"], ["--seed", "17"]):
        assert main([str(path), "--trace", str(trace), *arguments]) == 0
        first.append(json.loads(trace.read_text().splitlines()[0]))
    assert first == [began(setup), began(setup_for(0)), began(setup)]
    path.write_text("\n".join(SHORT))
    assert main([str(path), "--trace", str(trace)]) == 0
    assert json.loads(trace.read_text().splitlines()[0]) == began(setup_for(0))
    capsys.readouterr()


@pytest.mark.parametrize(
    "conditions",
    [
        "{",
        "{}",
        "[]",
        "5",
        '{"event":"began","world":"processes"}',
        "[" * 100_000,
        '{"event":"began","world":"sim"}',
    ],
)
def test_conditions_that_are_none_are_refused(conditions: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "a.scenario"
    path.write_text(f"# first\n{HEADER}{conditions}\njoinServer 0\n")
    assert main([str(path)]) == 2
    assert f"{path}:2: these are no conditions" in capsys.readouterr().err


def test_every_knob_survives_the_line_of_conditions(tmp_path: Path) -> None:
    path = tmp_path / "a.scenario"
    for seed in range(300):
        path.write_text(header(setup_for(seed)) + "\n")
        assert read_scenario(path).setup == setup_for(seed), seed


@pytest.mark.parametrize("arguments", [[], ["--seed", "5"], ["--seed", "6", "--check-steps"]])
def test_a_trace_replays(arguments: list[str], tmp_path: Path, capsys: Capture) -> None:
    path, trace = tmp_path / "a.scenario", tmp_path / "a.jsonl"
    path.write_text("\n".join([header(setup_for(8)), *scenario(8)]))
    assert main([str(path), "--trace", str(trace), *arguments]) == 0
    assert check([str(trace)]) == 0
    capsys.readouterr()
    assert replay([str(trace)]) == 0
    assert "the same again" in capsys.readouterr().out


@pytest.mark.parametrize("with_conditions", [False, True])
def test_a_trace_of_a_run_with_a_bug_replays(with_conditions: bool, tmp_path: Path, capsys: Capture) -> None:
    """It names the bug."""
    path, trace = tmp_path / "a.scenario", tmp_path / "a.jsonl"
    path.write_text("\n".join([*[header(setup_for(3))] * with_conditions, *SHORT]))
    status = main([str(path), "--bug", BUG, "--trace", str(trace)])
    assert status == 1 or not with_conditions
    assert json.loads(trace.read_text().splitlines()[0])["settings"]["bug"] == BUG
    assert replay([str(trace)]) == 0, capsys.readouterr().out


def test_verbose_prints_what_commands_print_and_tells_the_rest(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.scenario"
    path.write_text("joinServer 0\njoinServer 1\njoinClient 8 0\nput 8 a b\nstabilize\nget 8 a\nnonsense\n")
    assert main([str(path)]) == 0
    assert capfd.readouterr() == (f"{path}: all is well\n", "")
    assert main([str(path), "--verbose"]) == 0
    out, err = capfd.readouterr()
    assert out == f"a:b\n{path}: all is well\n"
    assert "seed 0:4: put 8 a b" in err
    assert "exchange" in err
    assert "unknown command 'nonsense'" in err


# Bugs of one's own.


def test_a_bug_of_ones_own_is_found(capsys: Capture, tmp_path: Path) -> None:
    assert main(["--seeds", "30", "--plant", "tests.plants:forgetful", "-j", "2"]) == 1
    told = capsys.readouterr().out
    assert "--plant tests.plants:forgetful\n" in told
    path = tmp_path / "short.scenario"
    path.write_text("\n".join(lines_of(told, "what still fails")))
    assert main([str(path), "--plant", "tests.plants:forgetful"]) == 1
    assert main([str(path)]) == 0, "nothing of it is left behind"
    capsys.readouterr()


@pytest.mark.processes
def test_a_bug_of_ones_own_is_looked_for_where_one_works(tmp_path: Path) -> None:
    (tmp_path / "mybugs.py").write_text((HERE / "plants.py").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "bayou", "explore", "--seeds", "30", "--plant", "mybugs:forgetful"],
        cwd=tmp_path, env={**os.environ, "PYTHONSAFEPATH": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert "1 failed" in done.stdout


def test_a_file_that_speaks_of_a_bug_is_told_that_it_is_not_planted(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "file"
    path.write_text(f"{header(Setup(3, bug=BUG))}\njoinServer 0\nstabilize\n")
    assert main([str(path)]) == 0
    assert f"speak of a bug that is not planted: --bug '{BUG}' plants it" in capsys.readouterr().err
    assert main([str(path), "--bug", BUG]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("bug", ["a crash forgets the last write", "an echo answered afresh"])
def test_bugs_can_be_planted_in_a_walk(bug: str, capsys: Capture) -> None:
    found = bug.startswith("a crash")
    assert main([str(SMALL), "--exhaustive", "--bug", bug]) == found
    told = capsys.readouterr().out
    assert ("broken: " in told) == found
    assert ("    crashServer 1" in told.splitlines()) == found
    assert main([str(SMALL), "--exhaustive"]) == 0
    assert capsys.readouterr().out == "126 distinct states, all of them; 5 ends\n"


def test_what_a_peer_did_wrong_is_told_with_who_lacks_what(capsys: Capture) -> None:
    """A Pull that came twice, answered afresh, as it was once: what came did not follow what was there."""
    doubled = EXPLORED / "found" / "a-doubled-pull.scenario"
    assert main([str(doubled), "--bug", "an echo answered afresh"]) == 1
    assert (
        "server 7 dropped its connection to 1: commitments from 5 on, where 4 is next"
        in capsys.readouterr().out
    )
    assert main([str(doubled)]) == 0


# What is refused.

NONSENSE = [
    *(["--seeds", number] for number in ("0", "-1", "many", "1.5", "1e3", "٣", "9" * 5000, "")),
    *(["--seed", number] for number in ("-1", "x", "1.5", "9" * 19, "")),
    *(["-j", number] for number in ("0", "-2", "two")),
    *(["--length", number] for number in ("0", "-90", "long")),
    *([str(SMALL), "--exhaustive", "--states", number] for number in ("0", "-1", "all")),
    *([str(SMALL), *options] for options in (
        ["--seeds", "5"], ["--length", "5"], ["-j", "2"], ["--bugs"], ["--dask", "tcp://nowhere:1"],
        ["--states", "5"], ["--exhaustive", "--trace", "x"], ["--exhaustive", "--verbose"],
        ["--exhaustive", "--seeds", "5"],
    )),
    ["--trace", "x"], ["--verbose"], ["--exhaustive"], ["--states", "5"],
    ["--bug", BUG, "--bugs"], ["--bug", BUG, "--plant", "tests.plants:forgetful"], ["--bug", "no such bug"],
    *(["--plant", name] for name in (
        "tests.plants", "tests.plants:", ":forgetful", "no_such_module:f", "tests.plants:no_such_function",
        "tests.plants:NO_FUNCTION", "tests..plants:f", "..:f", "",
    )),
]  # fmt: skip


@pytest.mark.parametrize("arguments", NONSENSE, ids=lambda arguments: " ".join(arguments)[-40:])
def test_nonsense_is_refused(arguments: list[str], capsys: Capture) -> None:
    """With status 2 and a line that names what is wrong, before anything is run."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(r"bayou explore: error: .*--?\w", err), err
    assert len(err.splitlines()[-1]) < 4000


@pytest.mark.parametrize("name", ["takes_nothing", "changes_what_is_not_there"])
def test_a_function_that_plants_nothing_is_refused(name: str, capsys: Capture) -> None:
    try:
        status: object = main(["--seeds", "1", "--plant", f"tests.plants:{name}", "-j", "1"])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert f"'tests.plants:{name}' can't be planted" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(capsys: Capture, tmp_path: Path) -> None:
    for name in ("nowhere.scenario", str(tmp_path)):
        assert main([name]) == 2
        assert name in capsys.readouterr().err


# What seeds decide.


def set_to(setup: Setup) -> StoreSettings:
    """Return what the store is set to in such a run."""
    return settings_of(setup.families["store"])


def knobs(setup: Setup) -> dict[str, object]:
    """Return the value of each knob, those of servers that run freely where they do."""
    server, habits = set_to(setup).server, set_to(setup).habits
    found: dict[str, object] = {
        "free running": setup.free_running, "retry": server.retry_s, "round": server.round_patience_s,
        "short": server.short_max, "items": server.limits.items, "ahead": server.limits.parts_ahead,
        "flush": setup.flush_s, "latency": setup.latency_s,
        "behind": round(setup.behind_s / setup.latency_s),
    }  # fmt: skip
    if setup.free_running:
        found |= {
            "period": habits.period_s, "partners": habits.partners,
            "gossip round": habits.round_s, "patience": habits.patience_s,
        }  # fmt: skip
    return found


def test_knobs_are_drawn_independently() -> None:
    """Every value of each comes with every value of each other one, and about as often as that says."""
    drawn = [knobs(setup_for(seed)) for seed in range(2000)]
    names = max((list(each) for each in drawn), key=len)
    values = {name: dict.fromkeys(each[name] for each in drawn if name in each) for name in names}
    assert all(len(of_it) >= 2 for of_it in values.values()), values
    for one, other in combinations(names, 2):
        both = [each for each in drawn if one in each and other in each]
        alone = Counter(each[one] for each in both), Counter(each[other] for each in both)
        pairs = Counter((each[one], each[other]) for each in both)
        for a in alone[0]:
            for b in alone[1]:
                expected = alone[0][a] * alone[1][b] / len(both)
                assert expected / 2 < pairs[a, b] < expected * 2, (one, a, other, b, pairs[a, b], expected)


def test_guarantees_vary_by_seed() -> None:
    chosen = Counter(
        tuple(getattr(asked, name) for name in asked.field_names)
        for asked in (set_to(setup_for(seed)).guarantees for seed in range(2000))
    )
    assert len(chosen) == 16, "all, none, and everything in between"
    assert chosen[True, True, True, True] > 1000, "most runs ask for all"


def test_runs_in_lock_step_use_ids_again_and_crash_in_the_middle() -> None:
    """What sightings are made of, in few seeds."""
    seen: Counter[str] = Counter()
    middle: Counter[str] = Counter()
    for seed in range(120):
        trial = Trial(scenario(seed), setup_for(seed)).run()
        seen += trial.sightings
        assert trial.sightings["a run in lock-step"] == (not trial.setup.free_running)
        command = ""
        for event in trial.events:
            if event["event"] == "command":
                command = event["text"].split()[0]
            elif event["event"] == "crashed" and "t" in event:
                middle[command] += 1
    for sight in ("a run in lock-step", "an id used again", "a crash in the middle of a command"):
        assert seen[sight] >= 8, sight
        assert sight in SIGHTINGS
    assert all(middle[command] >= 1 for command in ("joinServer", "retireServer", "put")), middle


def free(**changed: object) -> Setup:
    habits = Habits(period_s=0.1, partners="all")
    families = store_options(habits=habits, server=Settings(limits=Limits(items=1, parts_ahead=1)))
    return Setup(free_running=True, families=families, **changed)  # type: ignore[arg-type]


def again(trial: Trial) -> dict[str, int]:
    return {name: count for name, count in trial.sightings.items() if name.startswith(ASKED_AGAIN)}


def test_what_only_a_retry_brought_is_counted_where_nothing_was_lost() -> None:
    """A client's server crashes before it answers, and the client asks again when it is back: no message was
    lost on a link that loses any."""
    lines = ["joinServer 0", "joinClient 8 0", "delay 8 0 0", "put 8 a 1", "delay 0 8 60000", "put 8 a 2"]
    well = Trial(["joinServer 0", "joinServer 1", "joinClient 8 0", "put 8 a 1", "stabilize"], free()).run()
    assert (well.problem, again(well)) == (None, {})
    slow = Trial([*lines[:2], "put 8 a 1", "stabilize"], free(latency_s=0.9)).run()
    assert slow.problem is None
    assert list(again(slow)) == [f"{ASKED_AGAIN}: a request"]
    assert again(Trial(lines, free()).run()) == {}, "where messages are late on purpose, that is no wonder"
