"""A sample of the campaign against the log, and of what it finds where bugs are planted."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bayou.families.log.bugs import BUGS, OUT_OF_REACH
from bayou.paxos.log.inputs import Applied, Chosen, Install
from bayou.paxos.log.messages import Command, Members, NoOp
from tests.log_campaign import first_finding, run_batch, run_seed
from tests.log_knobs import HAPPENINGS, draw
from tests.log_service import Service, twin
from tests.log_sightings import SIGHTINGS
from tests.log_world import merge

ROOT = Path(__file__).parent.parent
SEEDS = int(os.environ.get("BAYOU_TEST_LOG_SEEDS", "80"))
SEEDS_MAX = 2000

FOUND_AT = {
    "a promise that is not durable": 0,
    "an acceptance that is not durable": 0,
    "a lower ballot accepted": 0,
    "a value found and not adopted": 25,
    "the value of the lowest ballot adopted": 199,
    "a majority less one": 0,
    "one acceptor counted twice": 43,
    "Accepted of another ballot counted": 57,
    "acceptances of non-members counted": 4,
    "a no-op over an accepted value": 5,
    "state lost, and the id kept": 0,
    "a command applied twice": 70,
    "a client answered when its command is decided": 3,
    "a promise to a candidate that is behind": 5,
    "decided inferred from the leader's prefix": 28,
    "a Decide of another ballot counted": 115,
    "what is decided told before it is durable": 634,
    "an old command not refused": 12,
    "a snapshot without the table of clients": 118,
    "a snapshot with the latest list of members only": 124,
    "a snapshot taken over drops the votes above it": 7,
    "a snapshot forgets the promise": 1,
    "new members in force at once": 0,
    "new members' promises not asked for": 12,
    "new members in force before they have what came before": 0,
    "servers that were left out stay silent": 7,
    "new members asked from an old slot on": 125,
    "who is ahead is answered, and not asked": 1497,
}
"""The seed that found each planted bug first (docs/testing.md)."""


def test_a_sample_of_the_campaign_finds_nothing_and_sees_everything() -> None:
    outcomes = [run_seed(seed) for seed in range(SEEDS)]
    assert [(outcome.seed, outcome.problem) for outcome in outcomes if outcome.problem] == []
    seen = merge([outcome.sightings for outcome in outcomes])
    assert [what for what in SIGHTINGS if SEEDS >= 300 and not seen[what]] == []


def digest(seeds: range) -> str:
    """Return a hash of all that happens in these runs."""
    text = json.dumps([run_seed(seed).events for seed in seeds])
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.processes
def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_sets() -> None:
    digests = [digest(range(12))]
    program = "from tests.test_log_campaign import digest; print(digest(range(12)))"
    for hash_seed in ("0", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, check=True
        )
        digests.append(done.stdout.decode().strip())
    assert len(set(digests)) == 1


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    """The seed that found it last is tried first; after a change of the log it may take another one."""
    assert first_finding(bug, [FOUND_AT[bug], *range(SEEDS_MAX)]) is not None


def test_nothing_is_left_of_a_bug_once_it_is_dug_up() -> None:
    before = run_seed(0).events
    for bug in BUGS:
        run_batch(0, 1, bug)
    assert run_seed(0).events == before


def test_the_documentation_lists_the_bugs_of_the_log() -> None:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in {**BUGS, **OUT_OF_REACH}] == [*BUGS, *OUT_OF_REACH]


def test_knobs_leave_nothing_out_for_good() -> None:
    knobs = [draw(seed) for seed in range(200)]
    assert {what for each in knobs for what, _ in each.weights} == set(HAPPENINGS)
    assert {each.size for each in knobs} == {1, 2, 3, 4, 5, 7}
    assert {each.options.window for each in knobs} == {1, 2, 5, 64}
    assert {each.is_clockless for each in knobs} == {True, False}
    assert all(len(each.weights) >= 1 for each in knobs)


# The service, and its twin.


def test_the_twin_applies_each_command_once_up_to_the_first_gap() -> None:
    a, b = Command(0, 1, 0, "a"), Command(1, 1, 0, "b")
    log = {0: a, 1: NoOp(), 2: a, 3: Members((0,)), 4: b, 6: Command(0, 2, 3, "c")}
    assert twin(log, 1_000_000) == [(0, 0, 1, "a"), (4, 1, 1, "b")]
    assert twin({**log, 5: NoOp()}, 1_000_000)[-1] == (6, 0, 2, "c")


def test_the_twin_passes_over_what_was_sent_too_long_ago() -> None:
    log = {0: NoOp(), 1: NoOp(), 2: Command(0, 1, 0, "a"), 3: Command(0, 2, 2, "b")}
    assert twin(log, 3) == [(2, 0, 1, "a"), (3, 0, 2, "b")]
    assert twin(log, 2) == [(3, 0, 2, "b")]


def test_a_service_that_takes_over_a_state_goes_on_from_there() -> None:
    one, other = Service(), Service()
    for slot in range(3):
        one.on_chosen(Chosen(slot, Command(0, slot + 1, slot, str(slot))))
        one.on_applied(Applied(slot, 0, slot + 1, str(slot)))
    other.on_chosen(Chosen(2, NoOp()))
    other.on_install(Install(2, one.state(2)))
    assert other.lines == one.lines[:2]
    assert other.values == {**{slot: one.values[slot] for slot in (0, 1)}, 2: ["noop"]}


def test_random_is_what_the_seed_says() -> None:
    """Two worlds with the same seed draw the same, whatever was drawn elsewhere."""
    random.seed(1)
    first = run_seed(7).events
    random.seed(2)
    assert run_seed(7).events == first
