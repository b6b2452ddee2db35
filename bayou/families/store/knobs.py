"""What a seed decides beside the commands: how servers are set, and how the network behaves.

Each knob is drawn by itself, so that no two of them always come together: a bug may need a slow disk,
parts of one item and partners in turn.
"""

from __future__ import annotations

import random

from bayou.families.store.changers import calls
from bayou.families.store.functions import SAMPLES
from bayou.families.store.groupers import groups
from bayou.families.store.settings import StoreSettings, plain_of
from bayou.node.session import SHORT_NAMES, Guarantees
from bayou.node.settings import PARTNERS, Habits, Keep, Limits, Settings
from bayou.worlds.simulated.setup import Setup

COMMAND_S = 3.0
"""How long, in virtual seconds, a command may take before it is given up, as at a prompt."""

LOCK_STEP = 0.2
"""The share of runs in lock-step."""

SOME_GUARANTEES = 0.4
"""The share of runs in which sessions ask for some of the guarantees, or none."""


TIDYING = 0.3
"""The share of runs in which servers fold, let go of their logs and drop marks by themselves."""


def _keep_for(seed: int) -> Keep | None:
    """Return how much of the past servers keep, so little that it shows within a run. Drawn from a stream of
    its own: all other conditions are as if this were not."""
    rng = random.Random(f"upkeep {seed}")
    if rng.random() >= TIDYING:
        return None
    return Keep(
        writes=rng.choice((None, 0, 0, 1, 2, 3, 5, 10, 20)),
        age_s=rng.choice((0.0, 0.0, 0.0, 0.05, 0.5)),
        marks=rng.randint(0, 5),
        fold_writes=rng.choice((1, 2, 3, 5, 8)),
        idle_s=rng.choice((0.01, 0.1, 1.0)),
        part_writes=rng.choice((1, 2, 5, 200)),
        part_truncated=rng.choice((1, 2, 5, 10_000)),
    )


def _leader_for(seed: int) -> int:
    """Return which member of a commit group leads in lock-step, where there are any; from a stream of its
    own."""
    if not groups(seed):
        return 0
    return random.Random(f"leader {seed}").choice((0, 0, 1, 2))


def setup_for(seed: int, bug: str | None = None) -> Setup:
    """Return the conditions under which the run with this seed takes place."""
    rng = random.Random(f"knobs {seed}")
    free_running = rng.random() >= LOCK_STEP
    habits = Habits(
        period_s=rng.choice((0.03, 0.1, 0.1, 0.4)),
        partners=rng.choice(PARTNERS),
        round_s=rng.choice((0.2, 2.0)),
        patience_s=rng.choice((0.2, 1.0)),
    )
    server = Settings(
        retry_s=rng.choice((0.2, 1.0)),
        round_patience_s=rng.choice((0.5, 10.0)),
        short_max=rng.choice((2, 4, 1000)),
        limits=Limits(items=rng.choice((1, 1, 2, 3, 8192)), parts_ahead=rng.choice((1, 1, 2, 4))),
        keep=_keep_for(seed),
    )
    chosen = {name: rng.random() < 0.5 for name in SHORT_NAMES.values()}
    guarantees = Guarantees(**chosen) if rng.random() < SOME_GUARANTEES else Guarantees()
    latency_s = rng.choice((0.001, 0.001, 0.01))
    functions = SAMPLES if calls(seed) else ""
    return Setup(
        seed,
        free_running,
        COMMAND_S,
        {
            "store": plain_of(
                StoreSettings(guarantees, habits, server, functions=functions, leader=_leader_for(seed))
            )
        },
        flush_s=rng.choice((0.0, 0.0, 0.002, 0.02)),
        latency_s=latency_s,
        behind_s=latency_s * rng.choice((5, 5, 20, 100)),
        bug=bug,
    )
