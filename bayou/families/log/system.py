"""A log under test: which servers and clients there are, which of them live, and who leads."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.families.family import System
from bayou.families.log.messages import BeClient, BeServer, Page, Read, Said, Say, Stand, Standing
from bayou.families.log.pace import FreeRunning, LockStep
from bayou.machine.messages import Failed
from bayou.script.grammar import BadLine
from bayou.worlds.world import NodeSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.families.family import Stage
    from bayou.families.log.settings import LogSettings
    from bayou.machine.messages import Message

CLIENTS_FROM = 1000
"""Client c is at address CLIENTS_FROM + c; server s is at address s."""


TOGETHER = 8
"""So many nodes are started at once: where there are a hundred, each has a hundred others to connect to."""


class LogSystem(System):
    """A log: servers and clients by their ids, each from 0 on.

    - ``servers``, ``clients``: how many there are; ``live``: the servers that are up; ``gone``: the clients
      that have crashed;
    - ``pace``: how a command comes to its end;
    - ``weather``: the faults of all connections, by name; ``cut``: the pairs of servers that are cut from
      each other; ``sheltered``: the server whose messages suffer no faults.
    """

    machines = ""
    """The module that makes the machines of the family."""

    def __init__(self, stage: Stage, settings: LogSettings) -> None:
        super().__init__(stage)
        self.settings = settings
        self.servers = self.clients = 0
        self.live: list[int] = []
        self.gone: dict[int, None] = {}
        self.weather: dict[str, float] = {}
        self.cut: dict[tuple[int, int], None] = {}
        self.sheltered: int | None = None
        self._heard: dict[int, int] = {}
        self.pace: LockStep | FreeRunning = (FreeRunning if stage.free_running else LockStep)(self)

    # What every run asks.

    @property
    def nodes(self) -> list[int]:
        return [*self.live, *(self.address_of(client) for client in self.live_clients)]

    @property
    def is_fair(self) -> bool:
        return not any(self.weather.values()) and not self.cut

    def look_round(self) -> None:
        """Take notice of servers that have crashed as they were told to."""
        for server in self.world.take_crashed():
            self.strike(server)

    def unsettle(self) -> None:
        self.pace.doubt()

    def lose(self, node: int) -> None:
        super().lose(node)
        if node < CLIENTS_FROM:
            if node in self.live:
                self.strike(node)
                self.stage.record({"event": "crashed", "server": node})
        else:
            self.gone[node - CLIENTS_FROM] = None
            self.pace.forget(node - CLIENTS_FROM)

    # Who there is.

    def address_of(self, client: int) -> int:
        """Return where a client is."""
        return CLIENTS_FROM + client

    @property
    def place(self) -> str:
        """The line that is being carried out."""
        return self.stage.place

    @property
    def watchers(self) -> list[int]:
        """The ids of all who are told what is decided."""
        return self.live_clients

    @property
    def live_clients(self) -> list[int]:
        """The ids of the clients that are up."""
        return [client for client in range(self.clients) if client not in self.gone]

    @property
    def has_majority(self) -> bool:
        """Whether more than half of all servers live."""
        return 2 * len(self.live) > self.servers

    def require_started(self) -> None:
        """BadLine where nothing has been started yet."""
        if not self.servers:
            raise BadLine("nothing has been started yet")

    def start(self, servers: int, clients: int) -> None:
        """Start so many servers and clients, all connected; server 0 leads."""
        if self.servers:
            raise BadLine(f"{self.servers} servers and {self.clients} clients have been started already")
        self.servers = servers
        self.clients = clients
        nodes: list[tuple[NodeSpec, Sequence[int]]] = [
            (self.server_spec(server), range(server)) for server in range(servers)
        ]
        nodes += [(self.client_spec(client), range(servers)) for client in self.watchers]
        for at in range(0, len(nodes), TOGETHER):
            self._start_nodes(nodes[at : at + TOGETHER])
        self.live = list(range(servers))
        ids = {"servers": list(range(servers)), "clients": self.watchers}
        self.stage.record({"event": "started", **ids, "window": self.settings.window})
        self.pace.begin()

    def _start_nodes(self, nodes: Sequence[tuple[NodeSpec, Sequence[int]]]) -> None:
        for answer in self.world.start_all(nodes):
            if isinstance(answer, Failed):
                labels = ", ".join(spec.label for spec, _ in nodes)
                raise BayouError(f"{labels} could not be started: {answer.why}")

    def server_spec(self, server: int) -> NodeSpec:
        """Return what a world has to know of a server."""
        free, settings = self.stage.free_running, self.settings
        what = BeServer(
            tuple(range(self.servers)),
            settings.heartbeat_s if free else None,
            settings.election_s if free else None,
            settings.retry_s if free else settings.resend_s,
            settings.window,
        )
        return NodeSpec(server, f"server {server}", True, self.machines, what)

    def client_spec(self, client: int) -> NodeSpec:
        """Return what a world has to know of a client."""
        free, settings = self.stage.free_running, self.settings
        what = BeClient(client, free, settings.retry_s if free else settings.resend_s)
        return NodeSpec(self.address_of(client), f"client {client}", False, self.machines, what)

    # What commands do.

    def say(self, client: int, text: str) -> int:
        """Let a client have something carried out; return which number that has."""
        said = self.ask(self.address_of(client), Say(text), Said)
        self.pace.said(client, said.number)
        return said.number

    def crash(self, server: int) -> None:
        """Let a server stop at once."""
        self.strike(server)
        try:
            self.world.crash(server)
        finally:
            self.stage.record({"event": "crashed", "server": server})

    def strike(self, server: int) -> None:
        """A server is gone."""
        if server in self.live:
            self.live.remove(server)
            if server == self.sheltered:
                self.sheltered = None
                self.world.suffer(server, None, None)
            self.pace.lost(server)

    def restart(self, server: int) -> None:
        """Start a crashed server again."""
        apart = [other for pair in self.cut if server in pair for other in pair]
        peers = [*(each for each in self.live if each not in apart), *map(self.address_of, self.watchers)]
        self.world.restart(self.server_spec(server), peers)
        self.live = sorted([*self.live, server])
        self.stage.record({"event": "restarted", "server": server})
        self.pace.unsettle()

    def set_weather(self, **changed: float) -> None:
        """Let all messages suffer these faults from now on."""
        from bayou.worlds.weather import Faults  # seldom needed, and start-up time counts

        self.weather.update(changed)
        self.world.suffer(None, None, Faults(**self.weather))

    def shelter(self, server: int) -> None:
        """What this server sends is never lost, doubled or late from now on."""
        from bayou.worlds.weather import NONE

        self.world.suffer(server, None, NONE)
        self.sheltered = server

    def partition(self, groups: list[list[int]]) -> None:
        """Cut all connections between groups of servers."""
        group_of = {server: at for at, group in enumerate(groups) for server in group}
        for a in self.live:
            for b in self.live:
                if a < b and a in group_of and b in group_of and group_of[a] != group_of[b]:
                    self.cut[a, b] = None
                    self.world.disconnect(a, b)

    def heal(self) -> None:
        """Mend all connections between servers that are up."""
        cut, self.cut = self.cut, {}
        for a, b in cut:
            if a in self.live and b in self.live:
                self.world.connect(a, b)

    def record_clearance(self) -> None:
        """Everything has come to rest."""
        if self.is_fair:
            self.stage.record({"event": "cleared", "majority": self.has_majority})

    def print_page(self, node: int) -> None:
        """Print what a node knows."""
        start, total = 0, 1
        while start < total:
            page = self.ask(node, Read(start), Page)
            self.stage.print(page.lines)
            start, total = start + len(page.lines), page.total
            if not page.lines:
                return

    def stand(self, nodes: Iterable[int]) -> dict[int, Standing]:
        """Return how nodes stand; those that are gone are left out."""
        asked = list(nodes)
        answers = self.world.ask_all([(node, self.question(node)) for node in asked])
        standings: dict[int, Standing] = {}
        for node, answer in zip(asked, answers, strict=True):
            self.note(node, answer)
            if isinstance(answer, Standing):
                standings[node] = answer
        return standings

    def question(self, node: int, known: Standing | None = None) -> Stand:
        """Return what asks a node how it stands, once that is not ``known`` any more."""
        return Stand(known, heard=self._heard.get(node, -1))

    def note(self, node: int, answer: Message | None) -> None:
        """A node has said how it stands: tell what came of a client's commands, each once."""
        if isinstance(answer, Standing) and node >= CLIENTS_FROM:
            for outcome in answer.outcomes:
                if outcome.slot > self._heard.get(node, -1):
                    self._heard[node] = outcome.slot
                    self.pace.came_of(node - CLIENTS_FROM, outcome)
