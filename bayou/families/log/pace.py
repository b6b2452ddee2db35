"""How a command comes to its end: in lock-step by orders of the master, step by step; or by itself."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.families.log.messages import AtRest, Lead, Offer, Offered, Spread, Standing
from bayou.machine.messages import Failed, Probe
from bayou.script.grammar import BadLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.families.family import Stage
    from bayou.families.log.messages import Outcome
    from bayou.machine.messages import Message
    from bayou.worlds.world import World

    class Log(Protocol):
        """The system, as a pace sees it."""

        stage: Stage
        world: World
        servers: int
        live: list[int]

        @property
        def has_majority(self) -> bool: ...
        @property
        def watchers(self) -> list[int]: ...
        @property
        def place(self) -> str: ...
        def address_of(self, client: int) -> int: ...
        def look_round(self) -> None: ...
        def stand(self, nodes: list[int]) -> dict[int, Standing]: ...
        def note(self, node: int, answer: Message | None) -> None: ...
        def question(self, node: int, known: Standing | None = None) -> Message: ...


class _Places:
    """Which line each command of a client came from, and what came of it, told in the order of slots."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._places: dict[tuple[int, int], str] = {}
        self._outcomes: list[tuple[int, int, Outcome]] = []

    def said(self, client: int, number: int) -> None:
        self._places[client, number] = self._log.place

    def came_of(self, client: int, outcome: Outcome) -> None:
        """A command has been carried out, with this outcome."""
        self._outcomes.append((outcome.slot, client, outcome))

    def tell(self) -> None:
        """Say on standard error what came of commands."""
        outcomes, self._outcomes = sorted(self._outcomes, key=lambda told: told[:2]), []
        for _, client, outcome in outcomes:
            place = self._places.get((client, outcome.number), "a command")
            self._log.stage.tell_news(f"{place}: {outcome.words}")


class LockStep:
    """After each command everything comes to rest before the next one begins. No clock decides anything.

    - ``leader``: who leads, None for nobody; ``waiting``: the commands of clients that are not delivered yet,
      as (client, number), in the order in which they were said.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._places = _Places(log)
        self.leader: int | None = None
        self._last = 0
        self._is_level = True
        self.waiting: dict[tuple[int, int], None] = {}
        self._offered: dict[tuple[int, int], None] = {}

    # What the system tells.

    def begin(self) -> None:
        """All have been started: server 0 leads."""
        self._take_over(0)

    def said(self, client: int, number: int) -> None:
        """A client was told to have something carried out."""
        self.waiting[client, number] = None
        self._places.said(client, number)

    def came_of(self, client: int, outcome: Outcome) -> None:
        """A command was carried out."""
        self._places.came_of(client, outcome)

    def lost(self, server: int) -> None:
        """A server is gone; where it led, what it knew last may not have reached all."""
        if server == self.leader:
            self.leader = None
            self._is_level = False

    def forget(self, client: int) -> None:
        """A client is gone, and what it had not yet sent with it."""
        for waiting in [waiting for waiting in self.waiting if waiting[0] == client]:
            del self.waiting[waiting]

    def unsettle(self) -> None:
        """Somebody may know what others do not."""
        self._is_level = False

    def doubt(self) -> None:
        """A command was given up: whatever was under way is begun again."""
        self._is_level = False
        self._offered.clear()

    def leader_now(self) -> int:
        """Return who leads; BadLine where nobody does."""
        if self.leader is None:
            raise BadLine("no live server leads")
        return self.leader

    # Coming to rest.

    def settle(self) -> None:
        """Come to rest: return when nothing more can move."""
        while self._step():
            pass
        self._places.tell()

    def all_clear(self) -> None:
        """Everything is at rest already, unless a command was given up."""
        self.settle()

    def _step(self) -> bool:
        """Do the next thing that is to be done; return whether there was one."""
        log = self._log
        log.look_round()
        if not self._is_level:
            self._spread()
        elif not log.has_majority:
            return False
        elif self.leader is None:
            circle = [(self._last + 1 + step) % log.servers for step in range(log.servers)]
            self._take_over(next(server for server in circle if server in log.live))
        else:
            command = self._next()
            if command is None:
                return False
            self._offer(command, self.leader)
        return True

    def _spread(self) -> None:
        """What any live server knows to be decided, all live servers and clients get to know."""
        log = self._log
        servers = list(log.live)
        answers = log.world.ask_all([(server, Spread()) for server in servers])
        self._is_level = all(isinstance(answer, AtRest) for answer in answers)
        self._look_at_waiting()

    def _take_over(self, server: int) -> None:
        """Let a server lead, which hears all that live."""
        log = self._log
        answer = log.world.ask(server, Lead(tuple(log.live)))
        self._last = server
        self._offered.clear()
        if isinstance(answer, AtRest):
            self.leader = server
        else:  # it has crashed meanwhile, and left others who know more or less of what it did
            self._is_level = False
        log.look_round()
        if server in log.live and self.leader != server:
            raise BayouError(f"server {server} could not take over: {answer!r}")
        self._look_at_waiting()

    def _next(self) -> tuple[int, int] | None:
        """Return the earliest command that is not yet in the leader's log and whose client has no earlier one
        undelivered."""
        busy: dict[int, None] = {}
        for client, number in self.waiting:
            if client not in busy and (client, number) not in self._offered:
                return client, number
            busy[client] = None
        return None

    def _offer(self, command: tuple[int, int], leader: int) -> None:
        """Let a client send its command to the leader, and all come to rest."""
        log = self._log
        self._offered[command] = None
        node = log.address_of(command[0])
        answer = log.world.ask(node, Offer(leader))
        if not isinstance(answer, Offered) or not isinstance(answer.standing, Standing):
            raise BayouError(f"client {command[0]} could not send its command: {answer!r}")
        if answer.is_lost:
            gone = log.world.ask(leader, Probe())
            if not isinstance(gone, Failed):
                raise BayouError(f"server {leader} leads, and does not take commands")
        log.note(node, answer.standing)
        self._delivered(command[0], answer.standing)
        if any(waiting in self._offered for waiting in self.waiting):
            self._look_at_waiting()

    def _delivered(self, client: int, standing: Standing) -> None:
        for number in range(standing.delivered, 0, -1):
            if self.waiting.pop((client, number), self) is self:
                return

    def _look_at_waiting(self) -> None:
        """See which commands have been delivered."""
        log = self._log
        clients = list(dict.fromkeys(client for client, _ in self.waiting))
        if clients:
            standings = log.stand([log.address_of(client) for client in clients])
            for client in clients:
                standing = standings.get(log.address_of(client))
                if standing is not None:
                    self._delivered(client, standing)


class FreeRunning:
    """Heartbeats and time-outs rule; only ``allClear`` waits."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._places = _Places(log)

    def begin(self) -> None:
        """All have been started: server 0 leads."""
        answer = self._log.world.ask(0, Lead(()))
        if not isinstance(answer, AtRest):
            raise BayouError(f"server 0 could not lead: {answer!r}")

    def said(self, client: int, number: int) -> None:
        """A client was told to have something carried out."""
        self._places.said(client, number)

    def came_of(self, client: int, outcome: Outcome) -> None:
        """A command was carried out."""
        self._places.came_of(client, outcome)

    def lost(self, server: int) -> None:
        """A server is gone; the others will notice."""

    def forget(self, client: int) -> None:
        """A client is gone."""

    def unsettle(self) -> None:
        """Servers see to the rest by themselves."""

    def doubt(self) -> None:
        """Servers and clients go on by themselves."""

    def settle(self) -> None:
        """A command is done: servers see to the rest by themselves."""

    def leader_now(self) -> int:
        """Return the leader that the highest ballot names; BadLine where it does not live."""
        log = self._log
        from bayou.paxos.ballot import Ballot  # seldom needed, and start-up time counts

        ballots = [standing.ballot for standing in log.stand(list(log.live)).values()]
        highest = max((ballot for ballot in ballots if ballot is not None), default=Ballot.NONE)
        log.look_round()  # it may have crashed since it was asked
        if highest.node not in log.live:
            raise BadLine("no live server leads")
        return highest.node

    def all_clear(self) -> None:
        """Return when all live servers and clients know the same slots decided, and nothing waits but for a
        majority or behind a slot that was skipped."""
        log = self._log
        is_fresh = False
        known: dict[int, Standing] = {}
        while True:
            log.look_round()
            nodes = [*log.live, *(log.address_of(client) for client in log.watchers)]
            if not all(node in known for node in nodes):
                known, is_fresh = log.stand(nodes), True
                continue
            known = {node: known[node] for node in nodes}
            moving = self._who_moves(known)
            if moving:
                self._await_move(moving, known)
                is_fresh = False
            elif is_fresh:
                self._places.tell()
                return
            else:
                known, is_fresh = log.stand(nodes), True

    def _who_moves(self, known: dict[int, Standing]) -> list[int]:
        """Return the nodes to which something is still to come. What only clients were told servers find once
        there is a majority, and nobody does without."""
        log = self._log
        knowing = [known[node] for node in (known if log.has_majority else log.live)]
        first = max((standing.first for standing in knowing), default=0)
        above = {slot for standing in knowing for slot in standing.above if slot >= first}
        moving = []
        for node, standing in known.items():
            lacks = any(slot not in standing.above for slot in above if slot >= standing.first)
            is_behind = standing.first < first or lacks
            waits = standing.said > standing.delivered and not standing.is_held_back and log.has_majority
            if is_behind or waits:
                moving.append(node)
        return moving

    def _await_move(self, moving: list[int], known: dict[int, Standing]) -> None:
        """Wait until one of these has moved, or is gone. So may a server be that had nothing to come: with it
        a majority may be gone, and there is nothing to wait for any more."""
        log = self._log
        asked = list(dict.fromkeys([*moving, *log.live]))
        answers = log.world.ask_first([(node, log.question(node, known[node])) for node in asked])
        for node, answer in zip(asked, answers, strict=True):
            log.note(node, answer)
            if isinstance(answer, Standing):
                known[node] = answer
            elif answer is not None:
                known.pop(node)
