"""A run of scripts on a lock service: a client for each script, servers that fail as they are told to, and an
end when all scripts have ended, or when none of them can go on."""

from __future__ import annotations

from bayou._lean import partial
from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.families.locks.commands import OBSERVER, LockSystem
from bayou.families.locks.messages import (
    APPLIED,
    ASLEEP,
    BUSY,
    ENDED,
    GRANTED,
    QUEUED,
    REMARKED,
    BeScript,
    Follow,
    Report,
)
from bayou.families.locks.script import SLEEP, Step
from bayou.families.locks.table import EXPIRE_BELOW
from bayou.families.log.messages import BeClient, Stand, Standing
from bayou.running.agenda import Agenda
from bayou.worlds.world import NodeSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bayou.families.family import Stage

FAR_S = 3600.0
CLIENTS_OF_A_RUN = 10_000
"""Client c of the r-th run on the same durable state is client r * CLIENTS_OF_A_RUN + c in the log, so that
no client is ever taken for another one."""


class Script(Record):
    """A client's script: the file that it comes from, and its steps."""

    name: str
    steps: tuple[Step, ...]


class Plan(Record):
    """What is to happen beside the scripts: ``faults`` that all messages suffer, by name; ``fails``: which
    server dies, and how many seconds after the scripts have begun; ``recover_s``: after how many seconds a
    dead one comes back, None for never; ``deadline_s``: for how long nothing may move."""

    servers: int
    faults: Mapping[str, float] = {}
    fails: tuple[tuple[int, float], ...] = ()
    recover_s: float | None = None
    deadline_s: float = 30.0


class Stuck(BayouError):
    """The scripts can't go on. ``lines`` say who waits for what."""

    def __init__(self, why: str, lines: list[str]) -> None:
        self.lines = lines
        super().__init__(why)


class ScriptSystem(LockSystem):
    """A lock service whose clients carry out scripts. ``journals``: where servers keep what is durable, by
    id, none where that goes with the run; ``runs``: how many runs there have been on that."""

    machines = "bayou.families.locks.scripted"

    def __init__(
        self, stage: Stage, scripts: Sequence[Script], journals: Sequence[str] = (), runs: int = 0
    ) -> None:
        super().__init__(stage)
        self._scripts = scripts
        self._journals = journals
        self.base = runs * CLIENTS_OF_A_RUN

    @property
    def watchers(self) -> list[int]:
        return [*self.live_clients, *([OBSERVER] if self.base else [])]

    @property
    def nodes(self) -> list[int]:
        return [*self.live, *(self.address_of(client) for client in self.watchers)]

    def server_spec(self, server: int) -> NodeSpec:
        spec = super().server_spec(server)
        journal = self._journals[server] if self._journals else ""
        return NodeSpec(spec.address, spec.label, spec.is_server, spec.machines, spec.what, journal)

    def client_spec(self, client: int) -> NodeSpec:
        spec = super().client_spec(client)
        retry_s = self.settings.retry_s
        what = BeClient(self.base + client, True, retry_s)
        if client != OBSERVER:
            what = BeScript(self.base + client, True, retry_s, self._scripts[client].steps)
        return NodeSpec(spec.address, spec.label, spec.is_server, spec.machines, what)

    def expire_earlier(self) -> None:
        """Have all that clients of earlier runs hold or wait for given back; return when that is decided.
        What of theirs may still be decided after that does nothing."""
        node = self.address_of(OBSERVER)
        number = self.say(OBSERVER, f"{EXPIRE_BELOW} {self.base}")
        known: Standing | None = None
        while known is None or known.delivered < number:
            known = self.ask(node, Stand(known), Standing)


class ScriptRun:
    """Drives the scripts to their ends."""

    def __init__(self, system: ScriptSystem, scripts: Sequence[Script], plan: Plan) -> None:
        self._system = system
        self._world = system.world
        self._stage = system.stage
        self._scripts = scripts
        self._plan = plan
        self._agenda = Agenda()
        self._reports: dict[int, Report] = {}
        self._asked: dict[int, int] = {}
        self._latest: dict[int, int] = {}
        self._wanted: dict[int, int] = {}
        self._moved_at_s = 0.0

    def run(self) -> None:
        """Return when all scripts have ended; Stuck where they can't."""
        self.begin()
        while self._unfinished():
            self.turn()

    def begin(self) -> None:
        """Start all servers and clients, and let the scripts begin."""
        system, plan = self._system, self._plan
        self._world.begin()
        system.start(plan.servers, len(self._scripts))
        if system.base:
            self._world.begin()
            system.expire_earlier()
            self._stage.tell("what clients of earlier runs held has been given back")
        if any(plan.faults.values()):
            system.set_weather(**plan.faults)
        now_s = self._world.now_s
        for server, at_s in plan.fails:
            self._agenda.put(now_s + at_s, partial(self.fail, server))
        self._agenda.do_what_is_due(now_s)
        self._moved_at_s = self._world.now_s
        for client in range(len(self._scripts)):
            self._follow(client, 0)

    # Servers.

    def fail(self, server: int) -> None:
        """Let a server die, if it lives, and come back when it is time."""
        if server not in self._system.live:
            return
        self._world.begin()
        self._system.crash(server)
        self._stage.tell(f"server {server} has died")
        if self._plan.recover_s is not None:
            self._agenda.put(self._world.now_s + self._plan.recover_s, partial(self.recover, server))

    def recover(self, server: int) -> None:
        """Let a server come back that has died."""
        self._world.begin()
        self._system.restart(server)
        self._stage.tell(f"server {server} is back")

    # Clients.

    def _follow(self, client: int, moves: int, first: int = 0) -> None:
        number = self._world.order(self._system.address_of(client), Follow(moves, first))
        self._asked[number] = client
        self._latest[client] = number
        self._wanted[client] = first

    def _unfinished(self) -> list[int]:
        clients = range(len(self._scripts))
        return [each for each in clients if each not in self._reports or self._reports[each].state != ENDED]

    def turn(self) -> None:
        """Wait for something to happen, and take it in; Stuck where nothing does, or can."""
        world = self._world
        if not world.await_answer(self._asked, self._until_s()):
            if not self._agenda.do_what_is_due(world.now_s) and world.now_s >= self._stuck_at_s():
                self._be_stuck()
            else:
                self._moved_at_s = world.now_s
            return
        for number in list(self._asked):
            answer = world.answer(number)
            if answer is not None:
                if not isinstance(answer, Report):
                    raise BayouError(f"client {self._asked[number]} answered {answer!r}")
                self._take(number, self._asked.pop(number), answer)
        self._agenda.do_what_is_due(world.now_s)
        self._look_for_deadlock()

    def _until_s(self) -> float:
        next_at_s = self._agenda.next_at_s()
        times = [self._stuck_at_s(), self._world.now_s + FAR_S]
        return min(times if next_at_s is None else [*times, next_at_s])

    def _stuck_at_s(self) -> float:
        """Return when it is too late: never, as long as anything is going to move by itself."""
        asleep = any(report.state == ASLEEP for report in self._reports.values())
        if asleep or self._agenda.next_at_s() is not None:
            return float("inf")
        return self._moved_at_s + self._plan.deadline_s

    def _take(self, number: int, client: int, report: Report) -> None:
        """A client has told how it stands."""
        known = self._reports.get(client)
        is_news = known is None or report.moves > known.moves
        if known is None or report.moves >= known.moves:
            self._reports[client] = report
        if is_news:
            self._moved_at_s = self._world.now_s
            self._tell(client, report)
        if report.state != ENDED and (is_news or number == self._latest[client]):
            self._follow(client, self._reports[client].moves)

    def _tell(self, client: int, report: Report) -> None:
        """Say what move a client has made."""
        stage, place = self._stage, self._place(client, report)
        about = f"lock {report.lock}"
        if report.state == GRANTED:
            stage.print([f"{report.lock}: {client}"])
            stage.tell(f"{place}: client {client} has {about}, token {report.token}")
        elif report.state == REMARKED:
            stage.tell_news(f"{place}: {self._text(client, report)}: client {client} {report.words}")
        elif report.state == QUEUED:
            stage.tell(f"{place}: client {client} waits for {about}, which {self._holder(report)} holds")
        elif report.state == APPLIED:
            stage.tell(f"{place}: client {client} has given {about} back")
        elif report.state == ASLEEP:
            stage.tell(f"{place}: client {client} sleeps")
        elif report.state == ENDED:
            stage.tell(f"{place}: client {client} has ended")

    def _place(self, client: int, report: Report) -> str:
        name = self._scripts[client].name
        return f"{name}:{report.line}" if report.line else f"{name}: at its end"

    def _text(self, client: int, report: Report) -> str:
        """Return the command that a client is at, as it stands in its script."""
        step = next((step for step in self._scripts[client].steps if step.line == report.line), None)
        return f"unlock {report.lock}" if step is None or step.verb == SLEEP else f"{step.verb} {step.lock}"

    def _holder(self, report: Report) -> str:
        holder = -1 if report.holder is None else report.holder - self._system.base
        return f"client {holder}" if holder >= 0 else "nobody"

    # No way on.

    def _look_for_deadlock(self) -> None:
        """Stuck where all scripts that have not ended wait for locks.

        Such a picture may be old: the lock has been given back, and who waits for it has not heard so yet.
        But all commands that there will ever be are in slots below ``first`` of somebody then, so what all
        who wait say once they know those slots is final.
        """
        waiting = self._unfinished()
        reports = [self._reports.get(client) for client in waiting]
        if not waiting or any(report is None or report.state != QUEUED for report in reports):
            return
        first = max(report.first for report in self._reports.values())
        late = [client for client in waiting if self._reports[client].first < first]
        for client in late:
            if self._wanted[client] < first:
                self._follow(client, self._reports[client].moves, first)
        if not late:
            why = "deadlock: all scripts that have not ended wait for each other"
            raise Stuck(f"{why}; take locks in the same order in all of them", self._who_waits())

    def _be_stuck(self) -> None:
        """Stuck, as nothing has moved for too long."""
        waiting, now_s = self._unfinished(), self._world.now_s
        self._world.begin()
        orders = [(self._system.address_of(client), Follow(-1)) for client in waiting]
        for client, answer in zip(waiting, self._world.ask_all(orders), strict=True):
            if isinstance(answer, Report):
                self._take(-1, client, answer)
        if self._stuck_at_s() > now_s:
            return  # something moved at the last moment
        why = f"nothing has moved for {self._plan.deadline_s:g} s"
        down = [server for server in range(self._plan.servers) if server not in self._system.live]
        if down:
            words = "is down" if len(down) == 1 else "are down"
            why += f": of {self._plan.servers} servers {', '.join(map(str, down))} {words}"
        raise Stuck(why, self._who_waits())

    def _who_waits(self) -> list[str]:
        lines = []
        for client in self._unfinished():
            report = self._reports[client]
            place = self._place(client, report)
            if report.state == QUEUED:
                what = f"lock {report.lock}, which {self._holder(report)} holds"
            elif report.state == BUSY:
                what = f"a majority of the servers to carry out {self._text(client, report)!r}"
            else:
                what = "its turn"
            lines.append(f"{place}: client {client} waits for {what}")
        return lines
