"""What a seed decides beside the commands: how servers of a log are set, and how the network behaves.

Each knob is drawn by itself, so that no two of them always come together.
"""

from __future__ import annotations

import random

from bayou.families.log.settings import LogSettings, plain_of
from bayou.families.log.settings import settings_of as read_settings
from bayou.worlds.simulated.setup import Setup

COMMAND_S = 3.0
"""How long, in virtual seconds, a command may take before it is given up, as at a prompt."""

LOCK_STEP = 0.2
"""The share of runs in lock-step."""

REST_ELECTIONS = 50
"""Within how many election time-outs all that was sent is decided, once faults have ended."""

LOCK_STEP_REST_S = 120.0


def is_free_running(seed: int) -> bool:
    """Whether the run with this seed is left to itself."""
    return random.Random(f"log pace {seed}").random() >= LOCK_STEP


def setup_for(family: str, seed: int, bug: str | None = None) -> Setup:
    """Return the conditions under which the run of a family with this seed takes place."""
    rng = random.Random(f"log knobs {seed}")
    heartbeat_s = rng.choice((0.02, 0.05, 0.05, 0.2))
    settings = LogSettings(
        heartbeat_s=heartbeat_s,
        election_s=heartbeat_s * rng.choice((4, 5, 5, 10)),
        retry_s=heartbeat_s * rng.choice((1, 2, 2, 6)),
        resend_s=rng.choice((0.03, 0.1)),
        window=rng.choice((1, 2, 5, 20, 1000)),
    )
    latency_s = rng.choice((0.001, 0.001, 0.005))
    return Setup(
        seed,
        is_free_running(seed),
        COMMAND_S,
        {family: plain_of(settings)},
        flush_s=rng.choice((0.0, 0.0, 0.001, 0.005)),
        latency_s=latency_s,
        behind_s=latency_s * rng.choice((5, 20, 100, 300)),
        bug=bug,
    )


def rest_s(family: str, setup: Setup) -> float:
    """Return how long all may take to come to rest once faults have ended."""
    if not setup.free_running:
        return LOCK_STEP_REST_S
    return REST_ELECTIONS * read_settings(setup.families.get(family, {})).election_s
