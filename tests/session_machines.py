"""Sessions that share connections, for the simulated world; and a walk in which they move among servers."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bayou.check.history import History
from bayou.check.store import judge
from bayou.core.values import of_value, to_value
from bayou.core.write import PUT
from bayou.families.store.events import of_sessions
from bayou.families.store.machines import keeping as keeping
from bayou.machine.messages import Failed, Message
from bayou.node.asks import Edit, Update
from bayou.node.messages import Get, Got, Join, Put, Written
from bayou.node.session import Guarantees
from bayou.node.sessions import Sessions
from bayou.node.settings import Habits
from bayou.node.using import OUTCOME_UNKNOWN, NotUsed, Use, Used
from bayou.wire.token import Token, read_token, write_token
from bayou.worlds.weather import Faults
from bayou.worlds.world import NodeSpec
from tests.simulated import StoreWorld

if TYPE_CHECKING:
    from bayou.machine.machine import Machine, Surroundings

PROGRAM = 100
"""The address of the program whose sessions they are."""


def make(address: int, what: Message, around: Surroundings) -> Machine:
    return Sessions(address, around.rng)


def events_of(what: Message, address: int, given: Any, effects: Any) -> list[dict[str, Any]]:
    return of_sessions(address, given, effects)


def program_spec(address: int = PROGRAM) -> NodeSpec:
    return NodeSpec(address, f"program {address}", False, __name__, Failed("nothing is to be known of it"))


class Account:
    """What a session has been told: ``acknowledged`` values of its own, those ``read`` before each, and those
    whose outcome is unknown."""

    def __init__(self, session: int, key: str) -> None:
        self.session = session
        self.key = key
        self.count = 0
        self.acknowledged: list[str] = []
        self.unknown: set[str] = set()
        self.read: list[str] = []
        self.before: dict[str, tuple[str, ...]] = {}
        self.order: int | None = None
        self.asked: Any = None


class Roaming:
    """Sessions at servers that come and go, over links that lose, double and delay messages."""

    def __init__(self, seed: int, *, servers: int = 3, sessions: int = 3) -> None:
        self.rng = random.Random(f"roaming {seed}")
        self.world = StoreWorld(habits=Habits(), seed=seed)
        self.events: list[dict[str, Any]] = []
        self.world.observe = self.events.append
        self.servers = list(range(servers))
        for server in self.servers:
            peers = [peer for peer in self.servers if peer < server]
            self.world.start_server(server, peers, Join(first=server == 0), paused=False)
        self.world.start(program_spec(), [0])
        self.accounts = [Account(self.machine.open(Guarantees()), f"key{at}") for at in range(sessions)]
        self.seen: Counter[str] = Counter()
        self.down: set[int] = set()

    @property
    def machine(self) -> Sessions:
        machine = self.world.nodes[PROGRAM]
        assert isinstance(machine, Sessions)
        return machine

    # What befalls them.

    def step(self) -> None:
        rng = self.rng
        for account in self.accounts:
            self.hear(account)
            if account.order is None and rng.random() < 0.7:
                self.ask(account)
        act = rng.choice((self.weather, self.move, self.move, self.cut, self.mend, self.crash, self.restart))
        if rng.random() < 0.4:
            act()
        self.world.pass_quietly(rng.choice((0.001, 0.01, 0.05, 0.3, 1.5)))

    def ask(self, account: Account) -> None:
        rng = self.rng
        kind = rng.choice(("put", "put", "get", "get", "update", "token"))
        if kind == "token":
            self.renew(account)
            return
        if kind == "get":
            account.asked = Get("notes", rng.choice(self.accounts).key)
        else:
            count = 1 if kind == "put" else rng.randrange(1, 4)
            values = [f"{account.key} {account.count + at}" for at in range(1, count + 1)]
            account.count += count
            account.asked = Update(tuple(Edit("notes", account.key, to_value(value)) for value in values))
            if kind == "put":
                account.asked = Put("notes", account.key, to_value(values[0]))
        use = Use(account.session, account.asked, rng.choice((0.5, 3.0, 10.0)))
        account.order = self.world.order(PROGRAM, use)

    def renew(self, account: Account) -> None:
        """Another process goes on with the session."""
        state = self.machine.session(account.session).state
        if self.machine.session(account.session).is_doubtful:
            return  # what may come of that belongs to the old session
        text = write_token(Token("c", state.guarantees, state.reads, state.writes))
        token = read_token(text)
        self.machine.close(account.session)
        account.session = self.machine.open(token.guarantees, token.reads, token.writes)
        self.seen["a token"] += 1

    def hear(self, account: Account) -> None:
        if account.order is None:
            return
        answer = self.world.answer(account.order)
        if answer is None:
            return
        account.order = None
        asked = account.asked
        values = [of_value(value) for value in values_of(asked)]
        if isinstance(answer, NotUsed):
            self.seen[answer.why] += 1
            if answer.why == OUTCOME_UNKNOWN:
                assert not isinstance(asked, Get)
                account.unknown.update(map(str, values))
            return
        assert isinstance(answer, Used), answer
        if isinstance(asked, Get):
            assert isinstance(answer.reply, Got)
            self.seen["read"] += 1
            self.check_read(account, asked.key, answer.reply.value)
        else:
            assert isinstance(answer.reply, Written)
            self.seen["written"] += 1
            for value in map(str, values):
                account.before[value] = (*account.read, *account.acknowledged)
                account.acknowledged.append(value)

    def check_read(self, account: Account, key: str, value: Any) -> None:
        """Read Your Writes and Monotonic Reads, by what is in a row that one session alone writes."""
        owner = next(each for each in self.accounts if each.key == key)
        got = None if value is None else str(of_value(value))
        known = [each for each in account.read if each.startswith(f"{key} ")]
        if owner is account:
            known += [each for each in account.acknowledged if each not in known]
        certain = [number(each) for each in known if each not in owner.unknown]
        if got is None:
            assert not known, f"{account.key} knew {known} of {key}, and now there is nothing"
        elif got not in owner.unknown:
            assert number(got) >= max(certain, default=0), f"{account.key} knew {known}, and reads {got}"
        if got is not None:
            account.read.append(got)

    def weather(self) -> None:
        rng = self.rng
        faults = Faults(
            rng.choice((0, 0.1, 0.4)), rng.choice((0, 0.3)), rng.choice((0, 0.5)), rng.choice((0, 0.3))
        )
        self.world.suffer(None, None, faults)

    def move(self) -> None:
        server = self.rng.choice(self.servers)
        if server in self.down:
            return
        if self.world.is_connected(PROGRAM, server):
            self.world.disconnect(PROGRAM, server)
        else:
            self.world.connect(PROGRAM, server)

    def cut(self) -> None:
        self.world.disconnect(*self.rng.sample(self.servers, 2))

    def mend(self) -> None:
        up = [server for server in self.servers if server not in self.down]
        for a, b in combinations(up, 2):
            if not self.world.is_connected(a, b) and self.rng.random() < 0.5:
                self.world.connect(a, b)

    def crash(self) -> None:
        if len(self.down) < len(self.servers) - 1:
            server = self.rng.choice([each for each in self.servers if each not in self.down])
            self.world.crash(server)
            self.events.append({"event": "crashed", "server": server})
            self.down.add(server)
            self.seen["a crash"] += 1

    def restart(self) -> None:
        for server in sorted(self.down):
            peers = [peer for peer in self.servers if peer not in self.down]
            self.world.restart_server(server, peers, paused=False)
            self.events.append({"event": "restarted", "server": server})
            self.down.remove(server)

    # The end.

    def finish(self) -> None:
        """Let everything arrive, and check what all logs have."""
        self.world.suffer(None, None, Faults())
        self.restart()
        for a, b in combinations([*self.servers, PROGRAM], 2):
            if not self.world.is_connected(a, b):
                self.world.connect(a, b)
        for _ in range(120):
            self.world.pass_quietly(1.0)
            for account in self.accounts:
                self.hear(account)
            if all(account.order is None for account in self.accounts) and self.is_level():
                break
        else:
            raise AssertionError("it did not come to rest")
        written = [write for write in self.world.server(0).replica.log if write.kind == PUT]
        log = [str(of_value(write.value)) for write in written]  # type: ignore[arg-type]
        places = {value: place for place, value in enumerate(log)}
        assert len(places) == len(log), "a write was carried out twice"
        for account in self.accounts:
            missing = [value for value in account.acknowledged if value not in places]
            assert not missing, f"{missing} are lost"
            for value, before in account.before.items():
                late = [each for each in before if each not in self.unknown and places[each] > places[value]]
                assert not late, f"{late} come behind {value}"
        for value in log:
            assert any(value in each.acknowledged or value in each.unknown for each in self.accounts), value

        self.judge()

    def judge(self) -> None:
        """Let the judge look, who knows nothing of what it judges. Of refusals it can't say whether there was
        need: what other reads have seen, and what a token brought along, is not in a trace."""
        verdicts = judge(History.of(self.events))
        broken = [f"{rule}: {verdict.broken}" for rule, verdict in verdicts.items() if verdict.broken]
        assert not [line for line in broken if not line.startswith("refusals")], broken

    @property
    def unknown(self) -> set[str]:
        return set().union(*(account.unknown for account in self.accounts))

    def is_level(self) -> bool:
        replicas = [self.world.server(server).replica for server in self.servers]
        return all(
            each.vector == replicas[0].vector and each.csn == replicas[0].csn and not each.log.tentative
            for each in replicas
        )


def values_of(ask: Any) -> list[Any]:
    if isinstance(ask, Put):
        return [ask.value]
    return [edit.value for edit in ask.edits] if isinstance(ask, Update) else []


def number(value: str) -> int:
    return int(value.split()[1])


def roam(seed: int, steps: int = 120) -> Roaming:
    """Walk once, check everything, and return what was walked."""
    walked = Roaming(seed)
    for _ in range(steps):
        walked.step()
    walked.finish()
    return walked
