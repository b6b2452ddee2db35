"""Nodes with heartbeats in a small world of their own: virtual time, messages that are lost, doubled and
late, nodes that crash between any two things that they do."""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from bayou.paxos import Chosen, HeartbeatNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.machine.messages import Message
    from bayou.paxos import Effects

BEAT_S = 0.1
ELECTION_S = 0.5
LATENCY_S = 0.002


class Cluster:
    """``nodes`` by id, those in ``dead`` as they were when they died; ``flying``: messages under way;
    ``decided``: all values that any of them ever told to be chosen."""

    def __init__(self, count: int, seed: int) -> None:
        self.loss = self.double = self.late_s = self.cut_short = 0.0
        self.now = 0.0
        self.dead: set[int] = set()
        self.decided: set[str] = set()
        self.flying: list[tuple[float, int, int, int, Message]] = []
        self._rng = Random(f"cluster {seed}")
        self._count = 0
        self._ids = tuple(range(count))
        self._disks: dict[int, list[object]] = {id: [] for id in self._ids}
        self.nodes = {id: self._make(id) for id in self._ids}

    def _make(self, id: int) -> HeartbeatNode:
        rng = Random(self._rng.getrandbits(64))
        return HeartbeatNode(
            id, self._ids, self._disks[id], rng=rng, heartbeat_s=BEAT_S, election_s=ELECTION_S
        )

    @property
    def has_leader(self) -> bool:
        """Whether all live nodes say that the same one leads, and it says so itself."""
        leaders = {node.leader for id, node in self.nodes.items() if id not in self.dead}
        leader = min(leaders, key=str)
        return len(leaders) == 1 and leader is not None and leader not in self.dead

    def propose(self, id: int, value: str) -> None:
        if id not in self.dead:
            self._carry_out(id, self.nodes[id].propose(self.now, value))

    def crash(self, id: int) -> None:
        self.dead.add(id)

    def restart(self, id: int) -> None:
        self.dead.discard(id)
        self.nodes[id] = self._make(id)

    def run(self, for_s: float) -> None:
        """Let that much time pass."""
        end = self.now + for_s
        while self._step(end):
            pass
        self.now = end

    def until(self, condition: Callable[[], bool], within_s: float = 60 * ELECTION_S) -> None:
        """Let time pass until it is so."""
        end = self.now + within_s
        while not condition():
            assert self._step(end), f"not within {within_s} s"

    def _step(self, end: float) -> bool:
        """Do what is due next; False where there is nothing to do up to ``end``."""
        at, who = end, -1
        for id, node in self.nodes.items():
            if id not in self.dead and node.wake_at is not None and node.wake_at < at:
                at, who = node.wake_at, id
        if self.flying and self.flying[0][0] <= at:
            self.now, _, sender, to, message = heappop(self.flying)
            if to not in self.dead:
                self._carry_out(to, self.nodes[to].receive(self.now, sender, message))
            return True
        if who < 0:
            return False
        self.now = max(self.now, at)
        self._carry_out(who, self.nodes[who].tick(self.now))
        return True

    def _carry_out(self, id: int, effects: Effects) -> None:
        rng = self._rng
        for record in effects.durable:
            if rng.random() < self.cut_short:
                self.crash(id)
                return
            self._disks[id].append(record)
        for to, message in effects.sends:
            if rng.random() < self.cut_short:
                self.crash(id)
                return
            copies = 0 if rng.random() < self.loss else 1 + (rng.random() < self.double)
            for _ in range(copies):
                self._count += 1
                at = self.now + LATENCY_S + rng.random() * self.late_s
                heappush(self.flying, (at, self._count, id, to, message))
        self.decided |= {answer.value for answer in effects.answers if isinstance(answer, Chosen)}
