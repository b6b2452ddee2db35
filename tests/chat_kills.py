"""Servers of a chat that people run by hand are killed under load, the leader again and again: every message
that was acknowledged is in the log once, in one order, in its sender's order.

    python -m tests.chat_kills --kills 200 --seed 1

Five processes that keep their state on disk, and clients each of which sends one message after another and
writes down its view. The leader is killed with SIGKILL, often with others, and now and then with all, and
they are started again, a moment later, from their disks. In the end all views are compared with the log, as
a newcomer sees it, and with what all servers have on their disks. Exit status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.clusters import PATIENCE_S, Client, Cluster
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILURES = 2
CLIENTS = 6
GAP_S = 0.4
"""How much time there is for a new leader to lead, at most, before that one is killed."""

DOWN_S = 0.3
ALL_EACH = 5
"""Each fifth time all servers are killed at once, so that nothing but their disks remembers anything; at
other times none, one or two of the others die with the leader."""


@dataclass
class Outcome:
    """What came of a run. ``views`` are those of the clients at their ends, ``acknowledged`` how many of its
    own messages each was told of, ``log`` the view of a newcomer, ``disks`` what servers have delivered."""

    kills: int = 0
    deaths: int = 0
    views: list[list[str]] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    disks: dict[int, list[str]] = field(default_factory=dict)
    slots: int = 0
    ballots: int = 0
    took_s: float = 0.0

    def problems(self) -> list[str]:
        """Return what is wrong, a line each."""
        found = []
        for name, log in [("the log", self.log), *((f"disk {id}", log) for id, log in self.disks.items())]:
            said = Counter(line.split(" ", 1)[1] for line in log)
            found += [f"{name} has {each!r} {times} times" for each, times in said.items() if times > 1]
            by_sender: dict[str, list[int]] = {}
            for line in log:
                _, sender, _, count = line.split()
                by_sender.setdefault(sender, []).append(int(count))
            for sender, numbers in by_sender.items():
                if numbers != list(range(1, len(numbers) + 1)):
                    found.append(f"{name} has the messages of {sender} not as they were sent")
            slots = [int(line.split()[0]) for line in log]
            if slots != sorted(set(slots)):
                found.append(f"{name} has slots in another order")
        for name, view in [
            *((f"the view of client {number}", view) for number, view in enumerate(self.views)),
            *((f"disk {id}", log) for id, log in self.disks.items()),
        ]:
            if view != self.log[: len(view)]:
                at = next(at for at, line in enumerate(view) if self.log[at : at + 1] != [line])
                found.append(f"{name} differs from the log in line {at + 1}: {view[at]!r}")
        for number, (view, acknowledged) in enumerate(zip(self.views, self.acknowledged, strict=True)):
            if acknowledged == 0:
                found.append(f"client {number} was told of nothing")
            if acknowledged > len(view):
                found.append(f"client {number} was told of {acknowledged} messages, and shows {len(view)}")
        return found


def acknowledged_by(client: Client) -> int:
    """Return how many of its own messages a client that has ended was told of."""
    return int(client.err.read_text().splitlines()[-1].split()[0])


def next_leader(cluster: Cluster, last: tuple[int, int]) -> tuple[int, int]:
    """Wait until somebody who runs leads in a higher ballot than that; return it."""
    wait_until(lambda: cluster.ballot() > last and cluster.leader() is not None, PATIENCE_S)
    return cluster.ballot()


def pass_time(seconds: float) -> None:
    """Let the others go on: when the next one is killed is a matter of chance."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until)


def kill(folder: Path, kills: int, seed: int, *, is_shown: bool = False) -> Outcome:
    """Kill the leader so many times, and return what is left."""
    rng = random.Random(f"chat kills {seed}")
    outcome = Outcome()
    began = time.monotonic()
    with Cluster(folder, "-f", str(FAILURES), snapshot_every=500) as cluster:
        cluster.start_all()
        clients = [cluster.client("--auto", "0") for _ in range(CLIENTS)]
        for client in clients:
            client.wait_for(1)
        last = (0, -1)
        for _ in range(kills):
            # The next one is killed soon after it leads, often while it still finds out what was accepted.
            last = next_leader(cluster, last)
            pass_time(GAP_S * rng.random())
            others = [id for id in cluster.servers if id != last[1]]
            rng.shuffle(others)
            count = len(others) if outcome.kills % ALL_EACH == ALL_EACH - 1 else rng.choice([0, 0, 1, 2])
            killed = [last[1], *others[:count]]
            for id in killed:
                cluster.servers[id].kill()
            for id in killed:
                cluster.kill(id)
            outcome.kills += 1
            outcome.deaths += len(killed)
            pass_time(DOWN_S * rng.random())
            for id in killed:
                cluster.start(id, is_awaited=False)
            if is_shown:
                print(f"\r{outcome.kills} of {kills}", end="", file=sys.stderr)
        counts = [len(client.view()) for client in clients]
        for client, count in zip(clients, counts, strict=True):
            client.wait_for(count + 1)  # so it goes on after the last one
        statuses = [client.stop() for client in clients]
        assert statuses == [130] * CLIENTS, statuses
        outcome.views = [client.view() for client in clients]
        outcome.acknowledged = [acknowledged_by(client) for client in clients]
        # What was under way may be decided yet. A newcomer's own message is delivered after all of it.
        cluster.say("message 1")
        outcome.log = cluster.say("message 1")
        slot = outcome.log[-1].split()[0]
        for id in range(len(cluster.config.servers)):
            cluster.wait_told(id, f"slot {slot}: ")
        outcome.ballots = cluster.ballot()[0]
        for id in list(cluster.servers):
            cluster.kill(id)
        for id in range(len(cluster.config.servers)):
            outcome.disks[id] = [f"{slot} {sender}: {text}" for slot, sender, text in cluster.delivered(id)]
            outcome.slots = max(outcome.slots, cluster.kept(id)[2])
    outcome.took_s = time.monotonic() - began
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chat_kills", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="when (default: 1)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="chat-kills-") as folder:
        outcome = kill(Path(folder), options.kills, options.seed, is_shown=sys.stderr.isatty())
    problems = outcome.problems()
    print(
        f"{outcome.kills} kills of leaders, {outcome.deaths} of servers in all, in {outcome.took_s:.0f} s, "
        f"{sum(outcome.acknowledged)} messages acknowledged to {CLIENTS} clients, "
        f"{len(outcome.log)} in the log, {outcome.slots} slots, highest ballot {outcome.ballots}, "
        f"{len(problems)} problems"
    )
    for line in problems[:20]:
        print(f"    {line}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
