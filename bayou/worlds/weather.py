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
    - ``duplicate``: that it arrives twice, and of each such message that it arrives three times;
    - ``delay_s``: by how much it is late, at most, each by a random share of it;
    - ``reorder``: that it is left behind, so that later ones overtake it.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    delay_s: float = 0.0
    reorder: float = 0.0


NONE = Faults()
BEHIND_S = 0.05
"""By how much a message is late at most that is to be overtaken, or comes for the second time."""

COPIES_MAX = 3

Way = tuple["int | None", "int | None"]
"""A direction: who sends and who receives, None for everybody, those who join later included."""


class Weather:
    """The faults of all links, a direction each. The one random stream of a run that is about the network."""

    def __init__(self, rng: Random, *, behind_s: float = BEHIND_S) -> None:
        self._rng = rng
        self._behind_s = behind_s
        self._faults: dict[Way, Faults] = {}
        self._arrival_s: dict[tuple[int, int], float] = {}

    def set(self, sender: int | None, receiver: int | None, faults: Faults | None) -> None:
        """Let messages from ``sender`` to ``receiver`` suffer these faults from now on, or none in
        particular.

        What is set for a pair goes before what is set for all that one sends, that before what is set for
        all that one receives, and that before what is set for all.
        """
        if faults is None:
            self._faults.pop((sender, receiver), None)
        else:
            self._faults[sender, receiver] = faults

    def get(self, sender: int, receiver: int) -> Faults:
        """Return the faults of that direction."""
        if not self._faults:
            return NONE
        for way in ((sender, receiver), (sender, None), (None, receiver), (None, None)):
            faults = self._faults.get(way)
            if faults is not None:
                return faults
        return NONE

    def clear(self) -> None:
        """Fair weather everywhere."""
        self._faults.clear()

    @property
    def is_fair(self) -> bool:
        """Whether no direction suffers any fault."""
        return all(faults == NONE for faults in self._faults.values())

    def arrivals(self, sender: int, receiver: int, now_s: float, latency_s: float) -> list[float]:
        """Return when a message sent now arrives: never, once or twice. Unless it is left behind, not before
        what was sent before it."""
        way = (sender, receiver)
        faults = self.get(sender, receiver)
        if faults == NONE:
            at_s = now_s + latency_s
            if self._arrival_s.get(way, 0.0) > at_s:
                return [self._arrival_s[way]]
            self._arrival_s.pop(way, None)
            return [at_s]
        rng = self._rng
        if rng.random() < faults.loss:
            return []
        at_s = now_s + latency_s + rng.random() * faults.delay_s
        if rng.random() < faults.reorder:
            at_s += rng.random() * self._behind_s
        else:
            at_s = self._arrival_s[way] = max(at_s, self._arrival_s.get(way, 0.0))
        arrivals = [at_s]
        while len(arrivals) < COPIES_MAX and rng.random() < faults.duplicate:
            arrivals.append(at_s + rng.random() * self._behind_s)
        return arrivals
