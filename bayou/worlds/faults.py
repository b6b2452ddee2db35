"""What can happen to messages on their way, decided from a seed.

Pure: whoever carries messages asks a ``Weather`` what becomes of each, and does it.
"""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random


class Faults(Record):
    """What a link does to messages in one direction: probabilities from 0 to 1, times in seconds.

    - ``loss``: that a message is lost (1 cuts this direction);
    - ``duplicate``: that it arrives twice;
    - ``delay_s``: by how much it is late, at most, each by a random share of it;
    - ``reorder``: that it is left behind, so that later ones overtake it.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    delay_s: float = 0.0
    reorder: float = 0.0


NONE = Faults()
BEHIND_S = 0.05
"""How long a message is left behind at most that is to be overtaken."""


class Weather:
    """The faults of all links, a direction each. The one random stream of a run that is about the network."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._faults: dict[tuple[int, int], Faults] = {}
        self._arrival_s: dict[tuple[int, int], float] = {}

    def set(self, sender: int, receiver: int, faults: Faults) -> None:
        """Let messages from ``sender`` to ``receiver`` suffer these faults from now on."""
        if faults == NONE:
            self._faults.pop((sender, receiver), None)
        else:
            self._faults[sender, receiver] = faults

    def get(self, sender: int, receiver: int) -> Faults:
        """Return the faults of that direction."""
        return self._faults.get((sender, receiver), NONE)

    def clear(self) -> None:
        """Fair weather everywhere."""
        self._faults.clear()

    def arrivals(self, sender: int, receiver: int, now_s: float, latency_s: float) -> list[float]:
        """Return when a message sent now arrives: never, once or twice. Unless it is left behind, not before
        what was sent before it."""
        way = (sender, receiver)
        faults = self._faults.get(way)
        if faults is None:
            at_s = max(now_s + latency_s, self._arrival_s.pop(way, 0.0))
            return [at_s]
        rng = self._rng
        if rng.random() < faults.loss:
            return []
        at_s = now_s + latency_s + rng.random() * faults.delay_s
        if rng.random() < faults.reorder:
            at_s += rng.random() * BEHIND_S
        else:
            at_s = self._arrival_s[way] = max(at_s, self._arrival_s.get(way, 0.0))
        again = [at_s + rng.random() * BEHIND_S] if rng.random() < faults.duplicate else []
        return [at_s, *again]
