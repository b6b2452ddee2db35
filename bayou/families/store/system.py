"""The store under test: its servers and clients, as the commands of scenarios see them."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.families.family import System
from bayou.families.store.lockstep import LockStep
from bayou.families.store.specs import BeServer, client_spec, server_spec
from bayou.families.store.topology import Topology
from bayou.machine.messages import Failed
from bayou.node.messages import Join, Joined
from bayou.worlds.world import Gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.core.name import Name
    from bayou.families.family import Stage
    from bayou.families.store.freerunning import FreeRunning
    from bayou.families.store.settings import StoreSettings
    from bayou.worlds.weather import Faults


class StoreSystem(System):
    """The state of a store's scenario, and what command handlers use.

    - ``topology``: who is there, and connected to whom;
    - ``pace``: how far servers get before the next command;
    - ``paused``: whether anti-entropy is stopped;
    - ``is_in_doubt``: whether nodes may be connected otherwise than ``topology`` says, as a command was
      given up (bayou.families.store.stock);
    - ``had_servers``: whether the first server, which is the primary, has joined;
    - ``had_group``: whether several servers have been named to commit together;
    - ``faults``: what messages suffer, by direction;
    - ``names``: of servers, by id: of each the last one that has joined under it;
    - ``writes``: the general writes that were accepted, by name: stamp and server.
    - ``files``: what exportWrites has written, by path, where that is kept in memory; None elsewhere.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.settings = self._read_settings()
        self.topology = Topology()
        self.names: dict[int, Name] = {}
        self.pace = self._new_pace()
        self.paused = False
        self.had_servers = False
        self.had_group = False
        self.faults: dict[tuple[int | None, int | None], Faults] = {}
        self.writes: dict[str, tuple[int, Name]] = {}
        self.files: dict[str, bytes] | None = {} if stage.keeps_no_files else None
        self._secret: tuple[bytes, str] | None = None
        self._is_unsettled = False

    def _read_settings(self) -> StoreSettings | None:
        """Return what is set, None where all is as usual: a short scenario in lock-step does without what it
        takes to read settings."""
        plain = self.stage.options.get("store")
        if plain is None and not self.stage.free_running:
            return None
        from bayou.families.store.options import settings_of

        return settings_of(plain or {})

    def _new_pace(self) -> LockStep | FreeRunning:
        if self.stage.free_running:
            from bayou.families.store.freerunning import FreeRunning

            return FreeRunning(self.world, self.topology, self.names, self.look_round)
        leader = 0 if self.settings is None else self.settings.leader
        return LockStep(self.world, self.topology, self.names, self.look_round, leader)

    @property
    def secret(self) -> tuple[bytes, str]:
        """What files that carry writes are sealed with, and the cluster that they are of: this run."""
        if self._secret is None:
            from os import urandom

            self._secret = urandom(32), urandom(16).hex()
        return self._secret

    @property
    def nodes(self) -> list[int]:
        return [*self.topology.servers, *self.topology.clients]

    # Nodes that come.

    def start_server(self, server: int) -> None:
        """Start a server, connected to every other, and let it join."""
        spec, others = server_spec(server, self._be_server(server)), self.topology.servers
        self._make_way(server)
        joined = self.require(self.world.start(spec, others, Join(first=not self.had_servers)), Joined)
        self.had_servers = True
        self.names[server] = joined.name
        self.topology.add_server(server)
        if joined.primary:
            self.pace.note_primary(server)

    def restart_server(self, server: int) -> None:
        """Start a crashed server again, connected to whom it was connected to."""
        peers = self.topology.peers_after_restart(server)
        self.world.restart(server_spec(server, self._be_server(server)), peers)
        self.topology.restart(server)

    def start_client(self, client: int, server: int) -> None:
        """Start a client, connected to that server."""
        guarantees = None if self.settings is None else self.settings.guarantees
        answer = self.world.start(client_spec(client, guarantees), [server])
        if isinstance(answer, Failed):
            raise BayouError(f"client {client} could not be started: {answer.why}")
        self.topology.set_server(client, server)

    def _be_server(self, server: int) -> BeServer:
        free = self.stage.free_running
        settings = None if self.settings is None else self.settings.of_server(free_running=free)
        functions = "" if self.settings is None else self.settings.functions
        return BeServer(settings, self.paused, free, self._file_of(server), functions)

    def _file_of(self, server: int) -> str:
        """Return the path of the file in which a server is kept, empty where it is kept in none."""
        if self.settings is None or not self.settings.data:
            return ""
        from os.path import abspath, join

        return join(abspath(self.settings.data), f"{server}.bayou")

    def _make_way(self, server: int) -> None:
        """A server that joins is a new one: BayouError where there is a file of an earlier run."""
        from os.path import lexists

        path = self._file_of(server)
        if path and self.stage.is_recorded:
            raise BayouError("what is kept in files (--data) is not traced: leave out --trace and --check")
        if path and lexists(path):
            raise BayouError(
                f"{path} is there already: a run begins with empty stores; name another directory"
            )

    # How far things get before the next command.

    def settle(self, changed: Iterable[int]) -> None:
        """Unless paused, let the groups of these servers get as far as the pace demands before the next
        command: level, in lock-step."""
        if not self.paused:
            changed = self.topology.servers if self._is_unsettled else list(changed)
            moving = self._moving()
            self.pace.settle(changed, after_failure=self._is_unsettled)
            while len(self._moving()) < len(moving):  # something came in the middle
                moving = self._moving()
                self.pace.settle(changed, after_failure=True)
            self._is_unsettled = bool(moving)
            if not self.stage.free_running:
                self.record_rest(changed)

    def unsettle(self) -> None:
        """A command was given up: the next one that settles any group settles all."""
        self._is_unsettled = True

    def _moving(self) -> list[int]:
        """Return the servers to which clients have sent requests that were given up, and may be carried out
        at any moment: one for each of these."""
        owing = [node for node in self.world.owing() if self.topology.kind(node) == "client"]
        servers = [self.topology.server_of(client) for client in owing]
        return [server for server in servers if server is not None]

    def record_rest(self, servers: Iterable[int]) -> None:
        """Record that nothing more can move in the groups of these servers, as far as that is so."""
        if not self.stage.is_recorded:
            return
        moving = self._moving()
        groups = self.topology.groups(servers)
        groups = [group for group in groups if not any(server in group for server in moving)]
        if groups:
            self.stage.record({"event": "settled", "groups": groups})

    # Who is there.

    def look_round(self) -> None:
        """Forget the servers that left after their retirement had been given up, and take notice of those
        that have crashed as planned."""
        for server in self.world.take_departed():
            if self.topology.kind(server) != "server":
                continue  # it ended while it was being started, which whoever started it says
            self.remove_server(server)
            self.unsettle()
            self.stage.tell_news(f"server {server} has left: its retirement, given up before, is complete")
        for server in self.world.take_crashed():
            if self.topology.kind(server) == "server":
                self.topology.crash(server)
                self.unsettle()

    def remove_server(self, server: int) -> list[int]:
        """A server has left: forget it, and the faults of its connections; return who was connected to it."""
        neighbours = self.topology.remove_server(server)  # first, as the rest may be given up
        for way in [way for way in self.faults if server in way]:
            del self.faults[way]
            self.world.suffer(*way, None)
        return neighbours

    def mend(self, a: int, b: int) -> None:
        """Connect two servers that are not; one that leaves as soon as it is connected (its retirement
        had been given up) is no error."""
        if self.topology.kind(a) != "server" or self.topology.kind(b) != "server":
            return
        if self.topology.are_connected(a, b) and not self.is_in_doubt:
            return
        try:
            self.world.connect(a, b)
        except Gone:
            self.look_round()
        else:
            self.topology.connect(a, b)

    def forget(self, node: int) -> None:
        """A node is gone without having been told to."""
        if self.topology.kind(node) == "server":
            self.remove_server(node)
        elif self.topology.kind(node) == "client":
            self.topology.remove_client(node)
        self.unsettle()

    def lose(self, node: int) -> None:
        if self.topology.kind(node) == "server":
            self.stage.record({"event": "crashed", "server": node})
        self.forget(node)
        self.doubt()
