"""Whoever leads a commit group is killed again and again, and one member is lost for good and replaced:
nothing that was acknowledged is lost, no commit sequence number stands for two writes, and commitment goes
on.

    python -m tests.group_kills --kills 300 --members 3 --seed 1

As tests.durable_kills, whose writers and whose look at what is left these are, with a group of several
processes of `bayou serve` and one more that is no member. Of 2f + 1 members at most f are down at a time, so
that a majority is always up; how long commitment ever stood still is printed. What a session wrote at the
member that is lost for good, in the moment before that, nobody else may have: it is not missed, and counted.
Exit status 1 where something is wrong."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from bayou.core.errors import BayouError
from bayou.core.name import ROOT, Name
from bayou.core.values import text_of
from bayou.host.caller import CallFailed
from bayou.host.messages import AskGroup, AskPosition, Denied, Position, Told
from bayou.wire.exports import parse_name
from tests.durable_kills import (
    OPTIONS,
    PATIENCE_S,
    PROGRESS_BYTES,
    Kills,
    carried_out,
    folder_of,
    parser_of,
    status_of,
)
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bayou.host.caller import Caller
    from tests.serving import Served

LOOK_S = 0.05
"""How often it is looked whether commitment goes on."""

CHANGES = 2
"""How often the group is changed."""

AWAY_S = 1.0
"""A leader that was killed comes back after at most so long."""


class Watch(threading.Thread):
    """Looks how far the servers have committed. ``longest_s``: for how long at most that stood still;
    ``gaps``: each time that is beyond a second."""

    def __init__(self, servers: Sequence[Served]) -> None:
        super().__init__(daemon=True)
        self._servers = servers
        self._callers: dict[str, Caller] = {}
        self._is_over = threading.Event()
        self.longest_s = 0.0
        self.gaps: list[float] = []

    def run(self) -> None:
        csn, at = 0, time.monotonic()
        while not self._is_over.wait(LOOK_S):
            found = max([self._csn(server) for server in list(self._servers)], default=0)
            now = time.monotonic()
            if found > csn:
                if csn:
                    self.longest_s = max(self.longest_s, now - at)
                    self.gaps += [now - at] if now - at > 1 else []
                csn, at = found, now

    def stop(self) -> None:
        self._is_over.set()
        self.join()
        for caller in self._callers.values():
            caller.close()

    def _csn(self, server: Served) -> int:
        if server.process is None:
            self._callers.pop(server.name, None)
            return 0
        try:
            caller = self._callers.get(server.name)
            if caller is None:
                caller = self._callers[server.name] = server.call()
            answer = caller.ask(AskPosition(1), lambda message: isinstance(message, Position), 1.0)
            return answer.csn if isinstance(answer, Position) else 0
        except (OSError, BayouError):
            self._callers.pop(server.name, None)
            return 0


class GroupKills(Kills):
    """A run, in a folder of its own."""

    def __init__(self, folder: Path, seed: int, members: int) -> None:
        super().__init__(folder, seed, members + 1)
        self._spare = self._servers.all[-1]
        self._members = self._servers.all[:-1]
        self._down_max = (members - 1) // 2
        self._watch = Watch(self._servers.all)
        self._only_there: list[tuple[int, str, int]] = []
        self._lost_name = ROOT
        self._heard = 0
        self.lost = 0

    def begin(self) -> None:
        """Start all, and let all but one be the group."""
        self._servers[0].start(*OPTIONS)
        for server in self._servers.all[1:]:
            server.start("--join", self._servers[0].address, *OPTIONS)
        let_be_group(self._servers[0], [server.called for server in self._members])
        super().begin()
        self._watch.start()

    def run(self, kills: int) -> None:
        """Kill whoever leads so often; in the middle one stays away, and another takes its place."""
        self.begin()
        for count in range(kills):
            enough = self._progress() + PROGRESS_BYTES * self._rng.random()
            self._let_go_on(lambda: self._progress() >= enough and self._may_kill())  # noqa: B023
            self._kill_leader(is_for_good=count == kills // 2)
            if sys.stderr.isatty():
                print(f"\r{count + 1} of {kills}", end="", file=sys.stderr)
        self._let_go_on(lambda: not self._due)
        self._watch.stop()
        self._settle()
        self._allow_for_the_lost()
        self.outcome.creations += CHANGES  # which nobody can see in rows either

    @property
    def longest_s(self) -> float:
        return self._watch.longest_s

    @property
    def gaps(self) -> list[float]:
        return self._watch.gaps

    def _may_kill(self) -> bool:
        down = [server for server in self._members if server.process is None]
        return len(down) < self._down_max and all(server.lines() for server in self._members)

    def _kill_leader(self, *, is_for_good: bool) -> None:
        leader = leader_of(self._members)
        if leader is None:
            leader = self._rng.choice([server for server in self._members if server.process is not None])
        leader.kill()
        self.outcome.kills["leader"] += 1
        self._read_left(leader)
        if not is_for_good:
            self._later(AWAY_S * self._rng.random() ** 2, lambda: self._start(leader))
            return
        self._read_tentative(leader)
        self._let_go_on(lambda: not self._due)
        self._servers.all.remove(leader)
        self._members.remove(leader)
        names = [server.called for server in (*self._members, self._spare)]
        let_be_group(self._members[0], names, self._look_for_ended)
        self._members.append(self._spare)

    def _are_level(self) -> bool:
        if not super()._are_level():
            return False
        self._heard = self._servers[0].position().vector.completed(self._lost_name)
        return True

    def _read_tentative(self, lost: Served) -> None:
        """Note what a member had accepted and nobody had committed just before it was lost for good, disk and
        all: its name, and the stamp, writer and number of each such write."""
        with closing(sqlite3.connect(lost.data)) as file:
            (name,) = file.execute("SELECT value FROM meta WHERE key = 'name'").fetchone()
            self._lost_name = Name.of(tuple(map(int, name.split("."))) if name else ())
            for stamp, key, value in file.execute(
                "SELECT stamp, key, value FROM tentative JOIN servers ON id = server "
                "WHERE kind IN (0, 1) AND name = ?",
                (name,),
            ):
                id, what = key.split("/")
                number = int(what) + 1 if value is None else int(text_of(value).removeprefix("value "))
                self._only_there.append((stamp, id, number))

    def _allow_for_the_lost(self) -> None:
        """Take those for not acknowledged that nobody has heard of. Sessions can't have gone on behind them,
        as no server has what they have written."""
        acknowledged = self.outcome.acknowledged
        for stamp, id, number in self._only_there:
            if stamp > self._heard and number <= acknowledged[id]:
                self.lost += 1 + acknowledged[id] - number
                acknowledged[id] = number - 1
                self.outcome.tried[id] = number - 1


def ask_group(server: Served, *members: Name) -> tuple[str, ...]:
    """Return what a server tells of the group, after these were let be it where any are named; nothing where
    it can't say, or refuses."""
    try:
        with server.call() as caller:
            answer = caller.ask(AskGroup(1, members), lambda message: isinstance(message, Told | Denied), 10)
    except (OSError, CallFailed):
        return ()
    return answer.lines if isinstance(answer, Told) else ()


def let_be_group(server: Served, names: list[str], look: Callable[[], object] = lambda: None) -> None:
    """Let the servers of these names be the group, and wait until this one says so. ``look`` is called
    meanwhile."""
    members = sorted(map(parse_name, names))

    def is_accepted() -> bool:
        look()
        return bool(ask_group(server, *members))

    def is_set() -> bool:
        look()
        named = [line.split()[1] for line in ask_group(server) if line.startswith("member ")]
        return named == list(map(repr, members))

    wait_until(is_accepted, PATIENCE_S)
    wait_until(is_set, PATIENCE_S)


def leader_of(servers: Sequence[Served]) -> Served | None:
    """Return who leads, as far as anybody who is up knows; None where nobody does."""
    up = [server for server in servers if server.process is not None]
    for server in up:
        leads = next((line.split()[1] for line in ask_group(server) if line.startswith("leads ")), "")
        for other in up:
            if other.called == leads:
                return other
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = parser_of("group_kills", __doc__.split("\n\n")[0], 300)
    parser.add_argument("--members", type=int, default=3, help="of the group, an odd number (default: 3)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with folder_of(options.keep) as folder:
        run = GroupKills(folder, options.seed, options.members)
        outcome = carried_out(run, options.kills)
    killed = sum(outcome.kills.values())
    print(f"{killed} leaders of {options.members} killed in {time.monotonic() - began:.0f} s")
    gaps = ", ".join(f"{gap:.1f}" for gap in sorted(run.gaps, reverse=True)[:10]) or "none"
    return status_of(
        outcome,
        f"committed: {outcome.csns}; no more in the log: {outcome.omitted}",
        f"{run.lost} of them were only on the member that was lost, and nobody had seen them committed",
        f"commitment stood still for {run.longest_s:.2f} s at most",
        f"longer than a second: {len(run.gaps)} times ({gaps})",
    )


if __name__ == "__main__":
    sys.exit(main())
