"""Random chat and lock scenarios in lock-step, each a function of its family and seed.

The twin goes along while a scenario is made, so that leaders are killed who lead, and messages wait where
there is no majority. ``python -m tests.consensus_generator chat 7`` prints one; with a count behind it, how
often things happen in that many scenarios.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable

from tests.consensus_cluster import MASTER, Cluster, view_of
from tests.consensus_locks import Table
from tests.consensus_twin import ConsensusTwin, Outcome

FAMILIES = ("chat", "locks")
LENGTH = 40
SERVERS_MAX, CLIENTS_MAX = 7, 5
LOCKS = ("0", "1", "1", "2", "7", "10", str(2**63 - 1))

TEXTS = (
    b"hi", b"a  b", b"#not a comment", b"x\ty", b"0 1: hi", b"\xff\xfe",
    "\u00fc\u00a0\u2028".encode(), b"\x00\x1b[0m",
    b"%s {0} \\n", b"hi",
)  # fmt: skip

JUNK_OF_BOTH = (
    b"", b"   ", b"# a comment", b"  // another", b"zip", b"CRASHSERVER 0", b"crashServer",
    b"crashServer x",
    b"crashServer -1", b"crashServer 99", b"restartServer 99", b"restartServer +0", b"timeBombLeader",
    b"timeBombLeader -1", b"timeBombLeader 1.5", b"timeBombLeader 9223372036854775808", b"lossRate 1",
    b"lossRate -0.1", b"lossRate nan", b"lossRate", b"duplicateRate 0.91", b"reorderRate x",
    b"delayUpTo 10001",
    b"delayUpTo -1", b"partition 0 | 1", b"heal", b"allClear now", b"joinServer 1", b"put 1 a b", b"pause",
    b"start", b"start 3 1", b"startLocks 3 1", b"crashServer \xd9\xa0", b"wait 1 2", b"wait", b"wait x",
    b"expect",
    b"\tallClear\r",
)  # fmt: skip
JUNK = {
    "chat": (
        b"sendMessage", b"sendMessage 0", b"sendMessage 0  ", b"sendMessage x hi", b"sendMessage 99 hi",
        b"sendMessage -1 hi", b"printChatLog", b"printChatLog 99", b"printChatLog 0 0", b"skipSlots",
        b"skipSlots 0,",
        b"skipSlots 900,x", b"skipSlots 900,,901", b"skipSlots -1", b"skipSlots 900, 901",
        b"skipSlots 9223372036854775808",
        b"lock 0 1", b"printLocks", b"crashClient 0",
    ),
    "locks": (
        b"lock", b"lock 0", b"lock 0 -1", b"lock 0 x", b"lock 99 1", b"lock 0 9223372036854775808",
        b"unlock 0",
        b"unlock 0 1.0", b"crashClient", b"crashClient 99", b"crashClient -1", b"expireClient 99",
        b"expireClient",
        b"printLocks now", b"lock 0 1 2", b"sendMessage 0 hi", b"printChatLog 0", b"skipSlots 1",
    ),
}  # fmt: skip

WRONG_STARTS = (b" 0 1", b" 3 -1", b" 100 1", b" 3 1000", b" x 1", b" 3 \xd9\xa1", b" -3 1", b" 3.0 1")


class Generator:
    """Makes one scenario. ``twin`` has carried out all lines that are there."""

    def __init__(self, family: str, seed: int, length: int, *, weather: bool) -> None:
        """``weather``: whether messages may get lost, doubled, overtaken and late."""
        self.rng = random.Random(f"{family} {seed}")
        self.family = family
        self.length = length
        self.twin = ConsensusTwin()
        self.lines: list[bytes] = []
        self.sent = 0
        motifs: dict[str, tuple[Callable[[], None], float]] = {
            "send": (self._send, 8), "print": (self._print, 2), "crash": (self._crash, 2),
            "restart": (self._restart, 5), "bomb": (self._bomb, 2), "cascade": (self._cascade, 1),
            "no majority": (self._lose_majority, 1), "late": (self._find_late, 1),
            "old leader": (self._bring_old_leader_back, 1), "all back": (self._restart_all, 0.5),
            "two ballots": (self._put_two_into_one_slot, 1),
            "skip": (self._skip, 2 if family == "chat" else 0),
            "window": (self._fill_window, 0.04 if family == "chat" else 0),
            "crash client": (self._crash_client, 0 if family == "chat" else 1),
            "expire": (self._expire, 0 if family == "chat" else 1),
            "gone or found": (self._crash_sender, 0 if family == "chat" else 1),
            "weather": (self._weather, 0.5 if weather and self.rng.random() < 0.2 else 0),
            "junk": (self._junk, self.rng.choice((0, 0, 0.5, 3))),
        }  # fmt: skip
        # Each scenario has tastes of its own, so that some are all bombs and others all restarts.
        self.motifs = [motif for motif, _ in motifs.values()]
        self.weights = [weight * self.rng.choice((0.3, 1, 1, 3)) for _, weight in motifs.values()]

    def make(self) -> list[bytes]:
        """Return the lines of the scenario; its last ones show what has become of everything."""
        self._start()
        while len(self.lines) < self.length:
            self.rng.choices(self.motifs, self.weights)[0]()
        self._print_all()
        if self.rng.random() < 0.7:
            for server in self._dead():
                self._add(f"restartServer {server}")
            self._print_all()
        return self.lines

    # What stands how.

    @property
    def cluster(self) -> Cluster:
        if self.twin.cluster is None:
            raise AssertionError("nothing was started")
        return self.twin.cluster

    def _living(self) -> list[int]:
        return [number for number, server in enumerate(self.cluster.servers) if server.alive]

    def _dead(self) -> list[int]:
        return [number for number, server in enumerate(self.cluster.servers) if not server.alive]

    def _clients(self, *, alive: bool = True) -> list[int]:
        clients = self.cluster.clients.items()
        return [number for number, client in clients if number >= 0 and client.alive is alive]

    def _add(self, line: str | bytes) -> None:
        data = line if isinstance(line, bytes) else line.encode()
        self.lines.append(data)
        self.twin.line(data)

    # Motifs.

    def _start(self) -> None:
        verb = b"start" if self.family == "chat" else b"startLocks"
        if self.rng.random() < 0.1:
            self._add(verb + self.rng.choice(WRONG_STARTS))
            if self.rng.random() < 0.5:
                self._add(self.rng.choice((b"allClear", b"crashServer 0", *JUNK[self.family])))
        servers = self.rng.choices(range(1, SERVERS_MAX + 1), (1, 1, 6, 2, 6, 1, 1))[0]
        self._add(verb + b" %d %d" % (servers, self.rng.randint(1, CLIENTS_MAX)))

    def _send(self, client: int | None = None) -> None:
        if client is None:
            if not self._clients():
                return
            client = self.rng.choice(self._clients())
        if self.family == "locks":
            verb = self.rng.choice(("lock", "lock", "unlock"))
            self._add(f"{verb} {client} {self.rng.choice(LOCKS)}")
            return
        self.sent += 1
        text = self.rng.choice(TEXTS) if self.rng.random() < 0.1 else b"m%d" % self.sent
        self._add(b"sendMessage %d " % client + text)

    def _print(self) -> None:
        if self.family == "locks":
            self._add("printLocks")
        else:
            self._add(f"printChatLog {self.rng.choice(self._clients())}")

    def _print_all(self) -> None:
        if self.family == "locks":
            self._add("printLocks")
            return
        for client in self._clients():
            self._add(f"printChatLog {client}")

    def _crash(self) -> None:
        living = self._living()
        if not living:
            return
        leader = self.cluster.leader
        some = leader if leader is not None and self.rng.random() < 0.4 else self.rng.choice(living)
        # Mostly so that a majority is left: without one, little happens.
        if len(living) - 1 <= len(self.cluster.servers) // 2 and self.rng.random() < 0.6:
            return
        self._add(f"crashServer {some}")

    def _restart(self) -> None:
        if self._dead():
            self._add(f"restartServer {self.rng.choice(self._dead())}")

    def _restart_all(self) -> None:
        dead = self._dead()
        self.rng.shuffle(dead)
        for server in dead:
            self._add(f"restartServer {server}")

    def _bomb(self, count: int | None = None) -> None:
        if self.cluster.leader is None and self.rng.random() < 0.9:
            return
        cost = 2 * (len(self.cluster.servers) - 1)
        if count is None:
            count = self.rng.randint(0, self.rng.choice((cost // 2, cost + 1, 2 * cost + 1)))
        self._add(f"timeBombLeader {count}")
        if self.rng.random() < 0.8:
            self._send()

    def _cascade(self) -> None:
        """One leader after another dies at what it has found, or at what comes next."""
        for _ in range(self.rng.randint(2, 4)):
            self._bomb(self.rng.randint(1, max(1, 2 * len(self.cluster.servers) - 2)))

    def _lose_majority(self) -> None:
        """What is sent without a majority waits, and comes in the order in which it was sent."""
        living = self._living()
        self.rng.shuffle(living)
        while living and len(living) > len(self.cluster.servers) // 2:
            self._add(f"crashServer {living.pop()}")
        for _ in range(self.rng.randint(1, 4)):
            self.rng.choice((self._send, self._send, self._bomb, self._print))()
        for _ in range(self.rng.randint(0, 2)):
            self._restart()

    def _find_late(self) -> None:
        """The leader alone has accepted something, above a slot that it skips, and comes back later."""
        leader = self.cluster.leader
        if leader is None or not self.cluster.has_majority or len(self._living()) < 2:
            return
        if self.family == "chat" and self.rng.random() < 0.8:
            first = self.cluster.highest() + 1
            self._add(f"skipSlots {','.join(str(first + step) for step in range(self.rng.randint(1, 3)))}")
        low = 1 if leader == 0 else 0
        if self.cluster.servers[low].alive:
            self._add(f"crashServer {low}")
        self._bomb(1)
        for _ in range(self.rng.randint(0, 2)):
            self._send()
        self._come_back(leader)

    def _bring_old_leader_back(self) -> None:
        """A leader dies in the middle of a slot, others put something there, and it leads again."""
        leader = self.cluster.leader
        if leader is None:
            return
        self._bomb(self.rng.randint(1, max(1, len(self.cluster.servers) - 1)))
        self._send()
        self._come_back(leader)
        for _ in range(len(self.cluster.servers)):
            if self.cluster.leader in (None, leader):
                break
            present = self.cluster.leader_id
            self._add(f"crashServer {present}")
            self._add(f"restartServer {present}")
            if self.rng.random() < 0.3:
                self._send()

    def _put_two_into_one_slot(self) -> None:
        """Two leaders die over one slot, each with something else in it, and the next one hears of both."""
        leader, clients = self.cluster.leader, self._clients()
        followers = [server for server in self._living() if server != leader]
        spare = len(self._living()) - len(self.cluster.servers) // 2 - 1
        if leader is None or spare < 0 or len(clients) < 2:
            return
        for server in followers[:spare]:
            self._add(f"crashServer {server}")
        dead = self._dead()
        out_of_reach = [server for server in dead if all(server < other for other in followers[spare:])]
        if not out_of_reach:
            return
        if self.family == "chat":
            self._add(f"skipSlots {self.cluster.highest() + 1}")
        self._add(f"timeBombLeader {len(out_of_reach)}")
        one, other = self.rng.sample(clients, 2)
        self._send(one)
        if self.family == "locks":
            self._add(f"crashClient {one}")
        self._add(f"restartServer {self.rng.choice(dead)}")
        self._bomb(self.rng.randint(1, len(self.cluster.servers) - 1))
        self._send(other)
        self._add(f"restartServer {leader}")

    def _come_back(self, leader: int) -> None:
        if leader in self._dead():
            self._add(f"restartServer {leader}")
            if self.cluster.leader is not None and self.rng.random() < 0.8:
                self._add(f"crashServer {self.cluster.leader}")

    def _skip(self) -> None:
        if self.cluster.leader is None and self.rng.random() < 0.9:
            return
        highest = max(self.cluster.servers[0].known, default=-1)
        if self.cluster.leader is not None:
            highest = self.cluster.highest()
        first = highest + 1 if self.rng.random() < 0.8 else max(0, highest - 1)
        some = [first + self.rng.randint(0, 4) for _ in range(self.rng.randint(1, 4))]
        self._add(f"skipSlots {','.join(map(str, some))}")
        if self.rng.random() < 0.7:
            self._send()

    def _fill_window(self) -> None:
        """A list so long that the leader has to fill it before it can go on."""
        if self.cluster.leader is None:
            return
        first = self.cluster.highest() + 1
        count = 1_000 + self.rng.choice((-2, -1, 0, 1))
        self._add(f"skipSlots {','.join(str(first + step) for step in range(count))}")
        if self.rng.random() < 0.5:
            self._add(f"timeBombLeader {self.rng.randint(1, 20 * len(self.cluster.servers))}")
        for _ in range(3):
            self._send()

    def _crash_client(self) -> None:
        if len(self._clients()) > 1 or (self._clients() and self.rng.random() < 0.1):
            self._add(f"crashClient {self.rng.choice(self._clients())}")

    def _expire(self) -> None:
        crashed = self._clients(alive=False)
        if crashed:
            self._add(f"expireClient {self.rng.choice(crashed)}")
        elif self.rng.random() < 0.05:
            self._add(f"expireClient {self.rng.choice(self._clients())}")

    def _crash_sender(self) -> None:
        """A client crashes with a command under way, which somebody may have accepted."""
        living = self._living()
        if self.cluster.leader is None or len(self._clients()) < 2 or not self.cluster.has_majority:
            return
        followers = [server for server in living if server != self.cluster.leader]
        self.rng.shuffle(followers)
        for server in followers[: len(living) - len(self.cluster.servers) // 2 - 1]:
            self._add(f"crashServer {server}")
        self._add(f"timeBombLeader {self.rng.randint(1, max(1, len(self.cluster.servers) - 1))}")
        client = self.rng.choice(self._clients())
        self._send(client)
        self._add(f"crashClient {client}")
        if self.rng.random() < 0.5:
            self._add(f"expireClient {client}")
        for _ in range(self.rng.randint(1, 2)):
            self._restart()

    def _weather(self) -> None:
        kind = self.rng.choice(("lossRate", "duplicateRate", "reorderRate", "delayUpTo"))
        amount = (
            self.rng.choice(("0", "5", "20")) if kind == "delayUpTo" else self.rng.choice(("0", "0.1", ".3"))
        )
        self._add(f"{kind} {amount}")

    def _junk(self) -> None:
        self._add(self.rng.choice(JUNK_OF_BOTH + JUNK[self.family]))


def scenario(family: str, seed: int, length: int = LENGTH, *, weather: bool = True) -> list[bytes]:
    """Return the lines of the scenario with this seed: some ``length`` of them, and what shows the end."""
    return Generator(family, seed, length, weather=weather).make()


SIGHTINGS = {
    "chat": (
        "take-overs", "leaders that a bomb killed", "bombs after an Accept", "bombs after a Decide",
        "slots found",
        "slots found with several ballots", "slots found late, with what is in the log already",
        "gaps filled at a take-over", "windows filled", "messages to the dead", "nobody led",
        "waited without a majority",
        "held back by a gap", "error lines", "extra fields",
    ),
    "locks": (
        "take-overs", "leaders that a bomb killed", "bombs after an Accept", "bombs after a Decide",
        "slots found",
        "slots found with several ballots", "messages to the dead", "nobody led",
        "waited without a majority",
        "commands of crashed clients found", "already", "not yours", "waits for a lock",
        "expired with something to give back",
        "error lines", "extra fields",
    ),
}  # fmt: skip
"""What some hundred scenarios of a family should have reached."""


def sightings(lines: list[bytes]) -> tuple[Counter[str], Outcome]:
    """Return how often things that are worth seeing happened in a scenario, and what became of it."""
    twin = ConsensusTwin()
    seen: Counter[str] = Counter()
    for line in lines:
        shown = twin.line(line)
        seen["waits for a lock"] += sum(b"printLocks" in line and "waiting" in text for text in shown)
        if (cluster := twin.cluster) is None:
            continue
        seen["nobody led"] += cluster.leader is None
        waiting = list(cluster.waiting())
        seen["waited without a majority"] += bool(waiting) and not cluster.has_majority
        if cluster.leader is not None:
            known = cluster.servers[cluster.leader].known.values()
            seen["held back by a gap"] += any(command in known for command in waiting)
    done = twin.end()
    seen.update(text for _, text in done.remarks)
    seen["error lines"] += len(done.errors)
    seen["extra fields"] += len(done.warnings)
    if twin.cluster is not None:
        seen.update(twin.cluster.counts)
        if done.family == "locks":
            seen.update(given_back(twin.cluster))
    return seen, done


def given_back(cluster: Cluster) -> Counter[str]:
    """Return how often an expiry freed a lock, or gave it to the next."""
    view = view_of(cluster.clients[MASTER].known)
    seen: Counter[str] = Counter()
    for count, (_, command) in enumerate(view, start=1):
        if command.client == MASTER and Table(view[: count - 1]).lines() != Table(view[:count]).lines():
            seen["expired with something to give back"] += 1
    return seen


def main() -> None:
    """Print a scenario, or what some of them reach."""
    family, seed = sys.argv[1], int(sys.argv[2])
    if len(sys.argv) == 3:
        sys.stdout.buffer.write(b"\n".join([*scenario(family, seed), b""]))
        return
    seen: Counter[str] = Counter()
    for number in range(seed, seed + int(sys.argv[3])):
        seen += sightings(scenario(family, number))[0]
    for name, count in sorted(seen.items()):
        print(f"{count:9,} {name}")


if __name__ == "__main__":
    main()
