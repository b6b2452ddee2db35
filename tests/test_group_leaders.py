"""In lock-step nothing that is printed depends on which member of a commit group leads."""

from __future__ import annotations

import os

from bayou.explore.trial import Trial
from bayou.families.planting import planted
from bayou.families.store.generate import Shape, scenario
from bayou.families.store.groupers import groups
from bayou.families.store.settings import StoreSettings, plain_of
from bayou.worlds.simulated.setup import Setup

SEEDS = int(os.environ.get("BAYOU_TEST_SEEDS", "60"))
LEADERS = (0, 1, 2)

KEPT = (
    "joinServer", "joinClient", "put", "get", "delete", "commitGroup", "retireServer", "crashServer",
    "restartServer", "breakConnection", "restoreConnection", "partition", "heal", "pause", "start",
)  # fmt: skip
"""What makes sense in lock-step, and does not depend on time."""

SHOWN_AFTER = ("put", "heal", "restartServer", "commitGroup", "retireServer", "start")

CUT_OFF = """
joinServer 0; joinServer 1; joinServer 2; joinClient 51 0; joinClient 52 1; commitGroup 1 0; retireServer 1
restoreConnection 52 2; breakConnection 0 2; put 51 s0 u22; put 52 s1 u25; heal; printLog 2
"""


def printed(lines: list[str], leader: int) -> str:
    """Return what a scenario prints where that member leads. The judge has to be content."""
    written: list[bytes] = []
    settings = plain_of(StoreSettings(leader=leader))
    trial = Trial(lines, Setup(1, False, 30.0, {"store": settings})).run(write=written.append)
    assert trial.problem is None, trial.details
    return b"".join(written).decode()


def lines_of(seed: int) -> list[str]:
    """Return a random scenario, in which all logs are shown again and again."""
    lines: list[str] = []
    servers: dict[str, None] = {}
    for line in scenario(seed, Shape(length=50)):
        name, *words = line.split()
        if name in KEPT:
            lines.append(line)
            if name == "joinServer":
                servers[words[0]] = None
            if name in SHOWN_AFTER:
                lines += [f"printLog {server}" for server in servers]
    return lines


def test_random_scenarios_print_the_same_whoever_leads() -> None:
    tried = shown = 0
    for seed in filter(groups, range(SEEDS)):
        lines = lines_of(seed)
        first, *others = [printed(lines, leader) for leader in LEADERS]
        shown += first.count(":TRUE")
        assert others == [first] * len(others), seed
        tried += 1
    assert tried > SEEDS // 10
    assert shown > 50 * tried, "in a few of them no client has a server"


def test_a_leader_that_is_cut_off_proposes_nothing() -> None:
    """Or its own write would go before an older one that it has not heard of."""
    lines = CUT_OFF.strip().replace("\n", "; ").split("; ")
    right = "PUT:(s0, u22):TRUE\nPUT:(s1, u25):TRUE\n"
    assert [printed(lines, leader) for leader in LEADERS] == [right] * len(LEADERS)
    with planted("a leader proposes with a minority"):
        assert len({printed(lines, leader) for leader in LEADERS}) == 2
