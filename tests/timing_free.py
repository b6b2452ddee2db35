"""Scenarios whose outcome does not depend on timing, so that free-running servers must print it too.

Two things depend on timing where servers run freely: what has already arrived when a command begins, and
how writes made apart are ordered, by the wall clock instead of by counting. So ``stabilize`` follows every
command, and commands are left out whose write would not come last in both orders.
"""

from __future__ import annotations

from copy import deepcopy

from tests.generator import scenario
from tests.twin import Twin, TwinWrite


def timing_free(lines: list[str]) -> tuple[list[str], int]:
    """Return a scenario made timing-free, and how many of its commands had to be left out."""
    twin, made, left_out, latest = Twin(), [], 0, 0
    for line in lines:
        attempt = deepcopy(twin)
        before = _writes(attempt)
        attempt.line(line)
        stamps = [write.stamp for write in _writes(attempt) - before]
        if stamps and min(stamps) <= latest:
            left_out += 1
            continue
        latest = max([latest, *stamps])
        twin = attempt
        made.append(line)
        if not twin.paused and twin.servers:
            made.append("stabilize")
    return made, left_out


def random_timing_free(seed: int) -> list[str]:
    """Return a random scenario made timing-free."""
    return timing_free(scenario(seed))[0]


def _writes(twin: Twin) -> set[TwinWrite]:
    return {write for server in twin.servers.values() for write in server.known}
