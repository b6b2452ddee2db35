"""What ``bayou explore`` needs of the store: random scenarios, what is worth seeing in them, planted bugs."""

from __future__ import annotations

from bayou.families.store.bugs import BUGS, OUT_OF_REACH
from bayou.families.store.generate import Shape
from bayou.families.store.generate import scenario as make_scenario
from bayou.families.store.knobs import setup_for
from bayou.families.store.sightings import ASKED_AGAIN, SIGHTINGS, Sightings

__all__ = ["ASKED_AGAIN", "BUGS", "OUT_OF_REACH", "REST", "SIGHTINGS", "Sightings", "scenario", "setup_for"]

REST = "stabilize"
"""The last command of each scenario, after which all has to be at rest."""


def scenario(seed: int, length: int) -> list[str]:
    """Return the lines of the random scenario with this seed, of about so many commands."""
    return make_scenario(seed, Shape(length))
