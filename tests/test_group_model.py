"""The model of the commit group: nothing breaks it, and each rule left out does."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bayou.core.name import Name as CoreName
from bayou.core.vector import VersionVector
from tests import group_campaign
from tests.group_bugs import BUGS
from tests.group_campaign import found_by_run, run_batch
from tests.group_driver import Run, run_seed
from tests.group_rules import Broken, Rules, Vector, completed, covers, merged
from tests.group_runs import RUNS
from tests.group_walk import Found, Walk
from tests.group_world import SIGHTINGS

ROOT = Path(__file__).parent.parent
SEEDS = int(os.environ.get("BAYOU_TEST_GROUP_SEEDS", "300"))
CAMPAIGN = 10_000
BY_SEED = [name for name, bug in BUGS.items() if bug.seed is not None]
BY_RUN = [name for name, bug in BUGS.items() if bug.run]


def test_a_sample_of_the_campaign_finds_nothing_and_sees_everything() -> None:
    outcomes = run_batch(0, SEEDS, None)
    assert [(each.seed, each.problem) for each in outcomes if each.problem] == []
    assert [what for what in SIGHTINGS if not any(each.seen[what] for each in outcomes)] == []


@pytest.mark.campaign
def test_a_campaign_finds_nothing() -> None:
    assert group_campaign.campaign(1_000_000, CAMPAIGN, None, os.cpu_count() or 1) == 0


def digest(seeds: range) -> str:
    """Return a hash of all that happens in these runs."""
    text = "\n".join(line for seed in seeds for line in run_seed(seed, Rules(), told=True).told)
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.processes
def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_sets() -> None:
    digests = {digest(range(8))}
    program = "from tests.test_group_model import digest; print(digest(range(8)))"
    for hash_seed in ("0", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, check=True
        )
        digests.add(done.stdout.decode().strip())
    assert len(digests) == 1


def test_telling_what_happens_changes_nothing() -> None:
    told = run_seed(3, Rules(), told=True)
    assert told.told
    assert told._replace(told=()) == run_seed(3, Rules())


# What is planted.


@pytest.mark.parametrize("bug", BY_SEED)
def test_a_random_history_finds_a_planted_bug(bug: str) -> None:
    """Random numbers are drawn in the same order with a bug, up to where it shows."""
    seed = BUGS[bug].seed or 0
    assert run_seed(seed, Rules()).problem == ""
    assert run_seed(seed, BUGS[bug].rules).problem != ""


@pytest.mark.parametrize("bug", BY_RUN)
def test_a_directed_run_finds_a_planted_bug(bug: str) -> None:
    assert found_by_run(bug) != ""


@pytest.mark.parametrize("run", RUNS)
def test_with_all_rules_nothing_breaks_in_a_directed_run(run: str) -> None:
    RUNS[run](Rules())


def test_each_rule_is_planted_and_each_bug_is_found_by_something() -> None:
    planted = {
        field
        for bug in BUGS.values()
        for field in Rules.__dataclass_fields__
        if getattr(bug.rules, field) != getattr(Rules(), field)
    }
    assert planted == set(Rules.__dataclass_fields__)
    assert {*BY_SEED, *BY_RUN} == set(BUGS)
    assert {BUGS[name].run for name in BY_RUN} == set(RUNS)


def test_the_documentation_lists_what_is_planted() -> None:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"
    ]
    rows = {row[0]: row[1:] for row in cells if row[0] in BUGS}
    expected = {name: ["" if bug.seed is None else f"{bug.seed:,}", bug.run] for name, bug in BUGS.items()}
    assert rows == expected


# All orders.


def test_all_orders_of_three_members_two_writes_and_a_change_of_leader() -> None:
    """Without crashes here; with them below."""
    assert Walk(Rules(), crashes=False).run() == Found(11_920, 63_853, 566, 3_193)


@pytest.mark.campaign
def test_all_orders_with_crashes() -> None:
    assert Walk(Rules()).run() == Found(442_105, 3_854_675, 2_179, 127_416)


WALKED_INTO = (
    "votes ahead of the items",
    "votes ahead, and nothing held",
    "a new leader adopts nothing",
    "a promise forgets what was accepted",
    "f are enough",
    "two decrees for a ballot and base",
    "a decree is all that one holds",
)


@pytest.mark.parametrize("bug", WALKED_INTO)
def test_the_walk_finds_a_planted_bug(bug: str) -> None:
    with pytest.raises(Broken):
        Walk(BUGS[bug].rules, crashes=False).run()


@pytest.mark.parametrize("bug", ["an accepted decree is not durable", "a promise is not durable"])
def test_a_crash_within_the_walk_finds_what_is_not_durable(bug: str) -> None:
    with pytest.raises(Broken):
        Walk(BUGS[bug].rules).run()


# The command.


def test_the_command_says_what_it_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert group_campaign.main(["--seeds", "5", "--seed", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "0 failed"
    assert printed.out.splitlines()[-2].startswith("5 runs, ")
    assert printed.err == ""


def test_the_command_shows_what_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    assert group_campaign.main(["--seeds", "50", "--bug", "f are enough"]) == 1
    out = capsys.readouterr().out
    seed = BUGS["f are enough"].seed
    assert f"\nseed {seed}: " in out
    assert "server 0 is ()\n" in out
    assert out.endswith("1 failed\n")


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["-j", "0"], ["--bug", "none such"]])
def test_the_command_refuses(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        group_campaign.main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


# The model's own vectors, and the product's.


def core(vector: Vector) -> VersionVector:
    return VersionVector({CoreName.of(name): stamp for name, stamp in vector.items()})


def test_vectors_of_the_model_mean_what_those_of_the_core_do() -> None:
    seen: list[Vector] = []
    for seed in range(30):
        run = Run(seed, Rules())
        run.play()
        seen += [server.vector for server in run.world.servers]
    rng = random.Random(0)
    for _ in range(2000):
        one, other = rng.choice(seen), rng.choice(seen)
        for name in other:
            assert completed(one, name) == min(core(one).completed(CoreName.of(name)), 1 << 62)
        assert covers(one, other) is core(one).covers(core(other))
        assert core(merged(one, other)) == core(one).merged(core(other))
