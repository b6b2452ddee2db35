"""What a seed decides before anything happens: swarm testing, so that no fault hides behind another one."""

from __future__ import annotations

import random

from bayou._record import Record
from bayou.paxos.log.options import LogOptions

HAPPENINGS = {
    "crash": 3,
    "crash in a step": 5,
    "crash the leader in a step": 5,
    "restart": 6,
    "cut one way": 3,
    "cut some off": 3,
    "cut the leader's ears": 2,
    "cut the leader's mouth": 2,
    "mend": 6,
    "hold a ballot back": 5,
    "lead anew, with old answers held": 3,
    "strand what a leader has": 3,
    "let go what was held": 4,
    "jump a clock": 1,
    "change members": 4,
    "change members twice": 2,
    "lose a server for good": 3,
    "skip slots": 2,
    "order a leader": 2,
    "order a resend": 1,
}
"""What can happen, and how often beside the others, where a seed has not ruled it out."""


class Knobs(Record):
    """One run's conditions. Times are in seconds, rates are probabilities.

    - ``size``: servers at the start; ``clients``, ``commands``: how many, and how many each sends;
    - ``lasts_s``: how long faults last; ``every_s``: about how often something happens;
    - ``loss``, ``double``: of each message; ``latency_s``: usual; ``late``: how many are later than that, by
      up to ``late_s``; ``echo_s``: how late the second copy of a doubled message is;
    - ``held``: the share of a held ballot's messages that are kept back; ``two_leaders``: until two others
      have led;
    - ``link_down_s``: after what time a server hears that it has lost another one, None for never;
    - ``snapshot_s``: how long the service takes for a snapshot;
    - ``weights``: of HAPPENINGS.
    """

    seed: int
    options: LogOptions
    size: int
    clients: int
    commands: int
    lasts_s: float
    every_s: float
    loss: float
    double: float
    latency_s: float
    late: float
    late_s: float
    echo_s: float
    held: float
    two_leaders: bool
    link_down_s: float | None
    snapshot_s: float
    think_s: float
    weights: tuple[tuple[str, int], ...]

    @property
    def is_clockless(self) -> bool:
        """Whether servers have no clock, and are driven by orders."""
        return self.options.heartbeat_s is None

    @property
    def pulse_s(self) -> float:
        """A heartbeat, or how often servers without a clock are told to send again."""
        return self.options.heartbeat_s or 0.1

    @property
    def election_s(self) -> float:
        """An election time-out, or what stands for one."""
        return self.options.election_s or 0.5


def draw(seed: int) -> Knobs:
    """Return the conditions of the run with this seed."""
    rng = random.Random(f"log knobs {seed}")
    heartbeat_s = rng.choice((0.1, 0.1, 0.2, None))
    election_s = None if heartbeat_s is None else rng.choice((0.3, 0.5, 0.8))
    snapshot_every = rng.choice((None, None, 1, 3, 10))
    forget_slots = rng.choice((1_000_000, 1_000_000, 2, 6, 20))
    options = LogOptions(
        heartbeat_s,
        election_s,
        window=rng.choice((1, 2, 2, 5, 5, 64)),
        snapshot_every=snapshot_every,
        chunk_bytes=rng.choice((100, 500, 65536) if snapshot_every else (1, 150, 65536)),
        forget_slots=forget_slots,
        in_flight=rng.choice((None, None, 1, 3)),
    )
    quiet = rng.random() < 0.25  # sometimes the network is good, and only what happens is bad
    ruled_out = rng.choice((0.0, 0.3, 0.6))
    weights = [
        (what, weight * rng.choice((1, 1, 4)))
        for what, weight in HAPPENINGS.items()
        if rng.random() >= ruled_out
    ]
    return Knobs(
        seed=seed,
        options=options,
        size=rng.choice((1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 7)),
        clients=rng.choice((1, 2, 3, 4, 8)),
        commands=rng.choice((3, 8, 20)),
        lasts_s=rng.choice((1.0, 2.5, 5.0)),
        every_s=rng.choice((0.03, 0.1, 0.3)),
        loss=0.0 if quiet else rng.choice((0.0, 0.02, 0.1, 0.3)),
        double=0.0 if quiet else rng.choice((0.0, 0.05, 0.3)),
        latency_s=rng.choice((0.001, 0.01, 0.03)),
        late=0.0 if quiet else rng.choice((0.0, 0.1, 0.5)),
        late_s=rng.choice((0.05, 0.3, 1.0)),
        echo_s=rng.choice((0.1, 1.0, 4.0)),
        held=rng.choice((0.3, 0.7, 1.0)),
        two_leaders=rng.random() < 0.5,
        link_down_s=rng.choice((0.0, 0.0, 0.2, None)),
        snapshot_s=rng.choice((0.0, 0.0, 0.05, 0.5)),
        think_s=rng.choice((0.0, 0.02, 0.2)),
        weights=tuple(weights or HAPPENINGS.items()),
    )
