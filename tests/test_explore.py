"""The explorer: faults from a seed, judged, found again, cut down; every order of small scenarios."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayou.explore.campaign import Plan, cut_down, explore, run_batch, unseen
from bayou.explore.exhaustive import walk
from bayou.explore.files import read_scenario
from bayou.explore.main import main
from bayou.explore.shrink import shrink
from bayou.explore.trial import Trial
from bayou.families.planting import planted
from bayou.families.store.bugs import BUGS
from bayou.families.store.generate import scenario
from bayou.families.store.knobs import setup_for
from bayou.families.store.options import settings_of
from bayou.judging.main import check, replay
from bayou.script.grammar import BadLine

HERE = Path(__file__).parent
EXPLORED = HERE / "explored"
SEEDS = int(os.environ.get("BAYOU_TEST_SEEDS", "60"))


def test_a_campaign_finds_nothing_and_has_seen_everything() -> None:
    """All faults at once; docs/exploring.md tells of the long campaign."""
    batch = explore(Plan(seeds=SEEDS))
    assert [(finding.seed, finding.problem, finding.details) for finding in batch.findings] == []
    assert batch.runs == SEEDS
    if SEEDS >= 1000:
        assert unseen(batch, Plan()) == []


@pytest.mark.slow
def test_invariants_hold_after_every_step() -> None:
    assert run_batch(Plan(check=True), 50_000, max(2, SEEDS // 30)).findings == ()


@pytest.mark.slow
@pytest.mark.parametrize("bug", sorted(BUGS))
def test_every_planted_bug_is_found(bug: str) -> None:
    """In one configuration, from seed 0 on; the sound store passes the same seeds above."""
    plan = Plan(seeds=2000, bug=bug)
    for first in range(0, plan.seeds, 100):
        batch = run_batch(plan, first, 100)
        if batch.findings:
            break
    finding = batch.findings[0]
    assert finding.problem not in ("TypeError", "AttributeError"), "what is planted does not fit any more"
    assert Trial(finding.lines, setup_for(finding.seed)).run().problem is None, "the sound store passes it"
    short = cut_down(finding, plan)
    assert len(short.lines) <= 15, short.lines
    with planted(bug):
        assert Trial(short.lines, setup_for(short.seed)).run().problem == short.problem


def test_findings_of_the_past_stay_mended() -> None:
    """Shrunk scenarios of bugs that campaigns found, under the conditions that they begin with."""
    found = sorted((EXPLORED / "found").glob("*.scenario"))
    assert found
    for path in found:
        scenario = read_scenario(path)
        assert scenario.setup is not None, path.name
        assert Trial(scenario.lines, scenario.setup).run().problem is None, path.name


@pytest.mark.processes
def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    """Fifteen seeds, in two processes."""
    code = (
        "import sys; from bayou.families.store.generate import scenario\n"
        "from bayou.families.store.knobs import setup_for\n"
        "from bayou.explore.trial import Trial\n"
        "from bayou.trace.file import to_line\n"
        "for seed in range(15):\n"
        "    for event in Trial(scenario(seed), setup_for(seed)).run().events:\n"
        "        print(to_line(event))\n"
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
    assert runs[0].count(b"\n") > 4_000


def test_explorers_write_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What scenarios export is kept in memory, and is there again when a trace is run again."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "carried.scenario"
    file.write_text(
        "joinServer 0\njoinServer 1\njoinClient 8 0\nbreakConnection 0 1\nput 8 a u1\n"
        "exportWrites 0 f\nimportWrites 1 f\nimportWrites 1 g\n"
    )
    trial = Trial(read_scenario(file).lines, setup_for(0)).run()
    assert (trial.problem, trial.sightings["writes taken from a file"]) == (None, 1)
    assert main(["--trace", "trace", str(file)]) == 0
    assert sorted(os.listdir(tmp_path)) == ["carried.scenario", "trace"]
    assert replay(["trace"]) == 0
    assert sorted(os.listdir(tmp_path)) == ["carried.scenario", "trace"]


def test_servers_tidy_up_by_themselves_in_some_runs() -> None:
    """So few writes are kept that it shows, and so few marks that they go."""
    kept = [settings_of(setup_for(seed).families["store"]).server.keep for seed in range(200)]
    some = [keep for keep in kept if keep is not None]
    assert 30 < len(some) < 100
    assert {keep.writes for keep in some} >= {None, 0, 20}
    assert {keep.marks for keep in some} == set(range(6))
    assert run_batch(Plan(), 0, 30).sightings["a log let go of unasked"] > 0


def test_different_seeds_differ() -> None:
    assert scenario(1) != scenario(2)
    assert Trial(scenario(1), setup_for(1)).run().events != Trial(scenario(1), setup_for(2)).run().events


# Cutting down.


def test_shrinking_keeps_what_it_takes() -> None:
    """A failure that takes three certain lines, in order, two of which only together."""
    lines = [str(number) for number in range(60)]

    def fails(some: list[str]) -> bool:
        return {"7", "31", "50"} <= set(some) and ("8" in some) == ("52" in some)

    assert shrink(lines, fails) == ["7", "31", "50"]


# Every order.


def states_of(name: str) -> tuple[int, int, bool, str | None]:
    lines = (EXPLORED / f"{name}.scenario").read_text().splitlines()
    walked = walk(lines)
    return walked.states, walked.ends, walked.complete, walked.problem


def test_two_servers_with_a_write_each_and_a_crash_in_every_order() -> None:
    assert states_of("two-servers-and-a-crash") == (126, 5, True, None)


@pytest.mark.campaign
def test_a_truncation_and_a_crash_in_every_order() -> None:
    assert states_of("a-truncation-and-a-crash") == (1081, 31, True, None)


@pytest.mark.campaign
def test_three_servers_with_two_writes_and_a_retirement_in_every_order() -> None:
    """These were 2,793 as long as servers kept a dict of peers for each purpose: 78 differed only in the
    order of keys, in which a server had asked its peers, or heard of them. A table of peers has no such
    order."""
    assert states_of("two-writes-and-a-retirement") == (2715, 33, True, None)


def test_a_walk_finds_what_is_broken_and_tells_the_way() -> None:
    lines = (EXPLORED / "two-servers-and-a-crash.scenario").read_text().splitlines()
    with planted("a crash forgets the last write"):
        walked = walk(lines)
    assert walked.problem is not None
    assert "crashServer 1" in walked.path
    with pytest.raises(BadLine, match="partition can't be explored here"):
        walk(["joinServer 0", "partition 0 | 1"])
    for line in ("wait 5", "include x", "nothing of ours"):
        with pytest.raises(BadLine, match=f"^{line.split()[0]} can't be explored here: joinServer,"):
            walk(["joinServer 0", line])
    with pytest.raises(BadLine, match="joinServer comes too late"):
        walk(["joinServer 0", "joinClient 9 0", "put 9 a b", "joinServer 1"])


# The command line.


def test_the_command_reports_and_exits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--seeds", "30", "-j", "2"]) == 0
    assert "30 runs" in capsys.readouterr().out
    bug = "a write sent twice applied twice"
    assert main(["--seeds", "200", "--bug", bug]) == 1
    told = capsys.readouterr().out
    assert "seed 0: requests" in told
    assert f"to run it again: bayou explore --seeds 1 --seed 0 --bug '{bug}'" in told
    lines = [
        line.strip() for line in told.split("what still fails")[1].splitlines()[1:] if line.startswith("    ")
    ]
    (tmp_path / "short.test").write_text("\n".join(lines))
    assert main([str(tmp_path / "short.test"), "--bug", bug]) == 1
    assert main([str(tmp_path / "short.test")]) == 0
    assert main(["nowhere.test"]) == 2
    capsys.readouterr()
    assert main(["--exhaustive", str(EXPLORED / "two-servers-and-a-crash.scenario")]) == 0
    assert capsys.readouterr().out == "126 distinct states, all of them; 5 ends\n"
    assert main(["--exhaustive", str(EXPLORED / "two-servers-and-a-crash.scenario"), "--states", "50"]) == 0
    assert capsys.readouterr().out.startswith("50 distinct states, given up there; ")


@pytest.mark.processes
def test_a_cluster_does_the_same() -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = explore(Plan(seeds=8), executor=client.get_executor())
    here = run_batch(Plan(), 0, 8)
    assert (there.runs, there.messages, there.sightings) == (here.runs, here.messages, here.sightings)


# Traces.


@pytest.mark.processes
@pytest.mark.parametrize(
    "options", [[], ["--world", "sim"], ["--free-running"], ["--world", "sim", "--free-running"]]
)
def test_a_trace_is_enough_to_judge_and_to_replay(options: list[str], tmp_path: Path) -> None:
    from tests.processes import run_master

    text = (HERE / "retire-primary.test").read_text().replace("printLog", "stabilize\nprintLog")
    trace = tmp_path / "trace.jsonl"
    done = run_master(text, *options, "--trace", str(trace), "--check")
    assert (done.returncode, done.stderr) == (0, b"")
    assert check([str(trace)]) == 0
    simulated = "sim" in options
    assert replay([str(trace)]) == (0 if simulated else 2)
    if simulated:
        lines = trace.read_text().splitlines()
        at = next(at for at, line in enumerate(lines) if '"event":"log"' in line)
        event = json.loads(lines[at])
        lines[at] = json.dumps({**event, "t": 99.0}, separators=(",", ":"))
        trace.write_text("\n".join(lines))
        assert replay([str(trace)]) == 1
