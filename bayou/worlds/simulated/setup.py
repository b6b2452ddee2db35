"""What a simulated run is made of beside its commands."""

from __future__ import annotations

from bayou._record import Record
from bayou.worlds.simulated.network import LATENCY_S
from bayou.worlds.simulated.world import SimulatedWorld
from bayou.worlds.weather import BEHIND_S
from bayou.worlds.world import WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Setup(Record):
    """All that a simulated run is made of beside its commands.

    ``patience_s``: how long a command may take, where it has no patience of its own; ``families``: what is
    set for each family, as plain data, by name; ``flush_s``, ``latency_s`` and ``behind_s``: see
    SimulatedWorld; ``bug``: planted on purpose (bayou.families.planting).
    """

    seed: int = 0
    free_running: bool = False
    patience_s: float = 30.0
    families: Mapping[str, Mapping[str, Any]] = {}
    flush_s: float = 0.0
    latency_s: float = LATENCY_S
    behind_s: float = BEHIND_S
    bug: str | None = None

    def world(
        self, *, check: bool = False, verbose: bool = False, kind: type[SimulatedWorld] = SimulatedWorld
    ) -> SimulatedWorld:
        """Make the world; ``check`` walks all invariants of a node after each of its steps, ``verbose``
        lets it tell of each exchange."""
        return kind(
            WorldSettings(self.patience_s, verbose),
            seed=self.seed,
            check=check,
            flush_s=self.flush_s,
            latency_s=self.latency_s,
            behind_s=self.behind_s,
        )

    def with_bug(self, bug: str | None) -> Setup:
        """Return the same with this bug planted, None for none."""
        values = {name: getattr(self, name) for name in self.field_names}
        return Setup(**{**values, "bug": bug})
