"""The simulated world: every node in this process, virtual time, a network with faults from a seed."""

from bayou.worlds.simulated.network import LATENCY_S
from bayou.worlds.simulated.scheduler import Arrival
from bayou.worlds.simulated.world import SimulatedWorld

__all__ = ["LATENCY_S", "Arrival", "SimulatedWorld"]
