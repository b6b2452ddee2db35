"""Servers that last on networks of their own, which lose packets, are slow, and fall apart in every way.

    python -m tests.namespaces --seconds 120 --seed 1

Each `bayou serve` is alone in a network namespace (tests.netns), behind a wire that takes its time
(tests.slow_wire). In each namespace two sessions write and read: one at the server there, one at any that it
can reach. Meanwhile the network changes every second or so: partitions, cuts in one direction, links taken
down at either end. Then all cuts are mended, loss and delay stay; within a deadline all servers have to be
level. In the files that they leave every write that was acknowledged has to be committed in all, in the same
place, once, in its session's order, and nothing that nobody wrote.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, cast

from bayou.core.values import text_of
from bayou.core.write import PUT
from bayou.host.caller import CallFailed
from bayou.host.offline import Offline
from bayou.node.asks import Stand, Stands
from tests.netns import PORT, Host, Net, why_not
from tests.processes import wait_until
from tests.roaming import Figures, Place, Writer
from tests.serving import Served

if TYPE_CHECKING:
    from bayou.core.values import Value
    from bayou.core.vector import VersionVector
    from bayou.core.write import Write

LEVEL_S = 120.0
"""Within so long after the network is whole again, lossy and slow as ever, all have to be level: most of it
is for a connection that is given up after 15 s of silence, and for whoever is dialled again each half a
minute."""

Link = tuple[int, int]


class Wired:
    """A host of the network: its server, and the wire in front of it."""

    def __init__(self, folder: Path, host: Host, delay_s: float, seed: int) -> None:
        self.host = host
        self.server = Served(folder, "abcdefgh"[host.number], host.inner, PORT, host.within)
        self.outer = host.address(host.outer)
        wire = ("-m", "tests.slow_wire", self.outer, host.address(host.inner), str(delay_s), str(seed))
        self._wire = subprocess.Popen(
            [*host.within, sys.executable, *wire], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )

    def stand(self) -> tuple[int, int, VersionVector | None]:
        """Return its CSN, how many of its writes are tentative, and its vector; CallFailed where it does not
        answer."""
        return self.host.do(self._stand)

    def _stand(self) -> tuple[int, int, VersionVector | None]:
        with self.server.session() as session:
            answer = session.ask(Stand())
        assert isinstance(answer.reply, Stands)
        return answer.reply.csn, answer.reply.tentative, answer.vector

    def end_wire(self) -> dict[str, int]:
        """End the wire, and return what it counted."""
        self._wire.terminate()
        out, _ = self._wire.communicate(timeout=20)
        counted: dict[str, int] = json.loads(out)
        return counted

    def close(self) -> None:
        self.server.kill()
        self._wire.kill()
        self._wire.wait()
        if self._wire.stdout is not None:
            self._wire.stdout.close()


@dataclass
class Report:
    """What a run came to. ``problems``: what is wrong, in words; nothing where all is well."""

    figures: Figures
    changes: Counter[str] = field(default_factory=Counter)
    wires: Counter[str] = field(default_factory=Counter)
    packets_lost: int = 0
    packets_cut: int = 0
    level_s: float = 0.0
    csn: int = 0
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        own, wires = self.figures, self.wires
        changes = ", ".join(f"{count} {kind}" for kind, count in sorted(self.changes.items()))
        return [
            f"writes acknowledged: {len(own.acknowledged):,}, the slowest after {own.slowest_s:.1f} s",
            f"writes refused: {own.refused}, of unknown outcome: {len(own.doubtful)}; reads: {own.reads:,}",
            f"requests sent again: {own.again:,}; sessions that moved: {own.moves:,}",
            f"network: {changes}",
            f"packets lost: {self.packets_lost:,}, cut: {self.packets_cut:,}",
            f"connections: {wires['connections']:,}",
            f"pieces: {wires['pieces']:,}, overtaken by one of another connection: {wires['overtaken']:,}",
            f"level after {self.level_s:.1f} s at csn {self.csn:,}",
            *(f"PROBLEM: {each}" for each in self.problems),
        ]


class Storm:
    """A network that changes, as a function of its seed."""

    kinds = ("partition", "cuts one way", "mute host", "deaf host", "link down", "cable out", "calm")

    def __init__(self, net: Net, loss_percent: int, seed: int) -> None:
        self._net = net
        self._loss_percent = loss_percent
        self._rng = random.Random(seed)
        self.changes: Counter[str] = Counter()

    def blow(self, seconds: float) -> None:
        """Let the network change for so long; then mend it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            kind = self._rng.choice(self.kinds)
            self.changes[kind] += 1
            cuts, down = self._draw(kind)
            self._net.weather(self._loss_percent, cuts, down.items())
            time.sleep(max(0.0, min(self._rng.uniform(0.5, 3.0), until - time.monotonic())))
        self._net.weather(self._loss_percent)

    def _draw(self, kind: str) -> tuple[set[Link], dict[int, str]]:
        rng, count = self._rng, len(self._net.hosts)
        links = [(one, other) for one in range(count) for other in range(count) if one != other]
        host = rng.randrange(count)
        if kind == "partition":
            group = [rng.randrange(rng.choice((2, 2, 3))) for _ in range(count)]
            return {(one, other) for one, other in links if group[one] != group[other]}, {}
        if kind == "cuts one way":
            return set(rng.sample(links, rng.randint(1, count))), {}
        if kind == "mute host":
            return {link for link in links if link[0] == host}, {}
        if kind == "deaf host":
            return {link for link in links if link[1] == host}, {}
        if kind == "calm":
            return set(), {}
        return set(), {host: "eth0" if kind == "link down" else "port"}


class Campaign:
    """One run: a network, its servers, and the sessions."""

    def __init__(
        self,
        folder: Path,
        *,
        hosts: int,
        seconds: float,
        seed: int,
        family: int,
        loss_percent: int,
        delay_s: float,
    ) -> None:
        self._folder = folder
        self._count = hosts
        self._seconds = seconds
        self._seed = seed
        self._family = family
        self._loss_percent = loss_percent
        self._delay_s = delay_s
        self.report = Report(Figures())

    def run(self) -> Report:
        """Run it to its end, and return what it came to."""
        with ExitStack() as stack:
            net = stack.enter_context(Net(self._count, self._family))
            net.weather(self._loss_percent)
            hosts = []
            for host in net.hosts:
                hosts.append(Wired(self._folder, host, self._delay_s, self._seed + host.number))
                stack.callback(hosts[-1].close)
            for wired in hosts:
                joins = () if wired is hosts[0] else ("--join", hosts[0].outer)
                options = ("--advertise", wired.outer, "--period", "0.5", "--keep-writes", "all")
                wired.server.start(*options, *joins)
            self._write_through(net, hosts)
            self._wait_level(hosts)
            self.report.packets_lost, self.report.packets_cut = net.counted()
            for wired in hosts:
                status = wired.server.stop()
                if status:
                    self.report.problems.append(f"server {wired.server.name} ended with status {status}")
                self.report.wires.update(wired.end_wire())
        self._judge([wired.server for wired in hosts])
        return self.report

    def _write_through(self, net: Net, hosts: list[Wired]) -> None:
        """Let the sessions work while the network falls apart, and until it is whole again."""
        storm, ends = Storm(net, self._loss_percent, self._seed), Event()
        places = [Place(wired.outer, str(wired.server.secret)) for wired in hosts]
        writers = []
        for wired in hosts:
            near = Place(wired.server.address, str(wired.server.secret))
            number = wired.host.number
            writers.append(Writer(f"near-{number}", wired.host, [near], self._seed, ends))
            writers.append(Writer(f"far-{number}", wired.host, places, self._seed, ends))
        for writer in writers:
            writer.start()
        try:
            storm.blow(self._seconds)
        finally:
            ends.set()
            for writer in writers:
                writer.join(LEVEL_S)
        for writer in writers:
            self.report.figures.add(writer.figures)
            if writer.is_alive():
                self.report.problems.append(f"session {writer.name} is not answered")
        self.report.changes = storm.changes

    def _wait_level(self, hosts: list[Wired]) -> None:
        stands: list[tuple[int, int, VersionVector | None]] = []

        def are_level() -> bool:
            try:
                stands[:] = [wired.stand() for wired in hosts]
            except CallFailed:
                return False
            return all(stand == stands[0] and stand[1] == 0 for stand in stands)

        try:
            self.report.level_s = wait_until(are_level, LEVEL_S)
        except AssertionError:
            self.report.problems.append(f"not level within {LEVEL_S:g} s: {stands}")

    # The judge.

    def _judge(self, servers: list[Served]) -> None:
        logs = [_log(server.data) for server in servers]
        first = logs[0]
        self.report.csn = len(first)
        problems = self.report.problems
        for server, log in zip(servers, logs, strict=True):
            if log != first:
                at = next(
                    (at for at, pair in enumerate(zip(log, first, strict=False)) if pair[0] != pair[1]), "end"
                )
                problems.append(
                    f"{server.name} has {len(log)} writes, a {len(first)}: other ones from {at} on"
                )
        problems.extend(judged(first, self.report.figures))


def _log(path: Path) -> list[Write]:
    """Return the committed writes in a file, in order; all that it has is to be committed."""
    with Offline(str(path)) as server:
        log = server.replica.log
        assert not log.tentative, f"{path.name} has {len(log.tentative)} tentative writes"
        writes: list[Write] = []
        while len(writes) < log.csn:
            writes += log.stable(len(writes), log.csn)
        return writes


def judged(log: list[Write], figures: Figures) -> list[str]:
    """Return what is wrong with a log of committed writes, given what sessions were told."""
    found: dict[str, list[int]] = {}
    for at, write in enumerate(log):
        if write.kind == PUT:
            found.setdefault(text_of(cast("Value", write.value)) or "", []).append(at)
    problems = [f"{value} is there {len(at)} times" for value, at in found.items() if len(at) > 1]
    last: dict[str, tuple[int, str]] = {}
    for session, value in figures.acknowledged:
        places = found.get(value)
        if places is None:
            problems.append(f"{value} was acknowledged, and is nowhere")
            continue
        before = last.get(session, (-1, ""))
        if places[0] < before[0]:
            problems.append(f"{value} comes before {before[1]} of the same session")
        last[session] = places[0], value
    written = {value for _, value in figures.acknowledged} | set(figures.doubtful)
    problems.extend(f"{value} is there, and nobody wrote it" for value in found if value not in written)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.namespaces", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=30, help="for how long the network changes (default: 30)")
    add("--seed", type=int, default=1)
    add("--hosts", type=int, default=5, choices=range(2, 9), help="how many (default: 5)")
    add("--family", type=int, default=4, choices=(4, 6), help="IPv4 or IPv6 (default: 4)")
    add("--loss", type=int, default=20, metavar="PERCENT", help="of packets (default: 20)")
    add("--delay", type=float, default=0.1, metavar="SECONDS", help="in each direction (default: 0.1)")
    options = parser.parse_args()
    why = why_not(options.family)
    if why is not None:
        print(why, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        report = Campaign(
            Path(folder),
            hosts=options.hosts,
            seconds=options.seconds,
            seed=options.seed,
            family=options.family,
            loss_percent=options.loss,
            delay_s=options.delay,
        ).run()
    print(*report.lines(), sep="\n", flush=True)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
