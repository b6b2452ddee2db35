"""What a walk through every order of events goes through, for families on a log.

Servers are left to themselves, and time stands still: nobody is silent for too long, and the member next to
a leader that is killed campaigns as it loses its connection to it. What a server holds until it has taken in
all that has come (bayou.families.log.bundles) it says at once.
"""

from __future__ import annotations

from bayou.families.log.messages import BeClient, BeServer, Lead, Say
from bayou.families.log.server import LogServer
from bayou.families.log.system import CLIENTS_FROM
from bayou.families.maze import Maze
from bayou.worlds.world import NodeSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

NEVER_S = 1e9
WINDOW = 8


class LogMaze(Maze):
    """A log after its start. ``MACHINES``: the module of the family that makes its nodes."""

    MACHINES: ClassVar[str] = ""

    def set_up(self, name: str, fields: tuple[str, ...]) -> None:
        servers, clients = map(int, fields)
        self._servers = tuple(range(servers))
        for server in self._servers:
            self.world.start(self._server_spec(server), list(range(server)))
        watchers = self.watchers(clients)
        for client in watchers:
            what = BeClient(client, True, NEVER_S)
            spec = NodeSpec(CLIENTS_FROM + client, f"client {client}", False, self.MACHINES, what)
            self.world.start(spec, self._servers)
        ids = {"servers": list(self._servers), "clients": watchers}
        self.events.append({"event": "started", **ids, "window": WINDOW, "in_order": True})
        self.run_dry()
        self.world.order(0, Lead(()))

    def watchers(self, clients: int) -> list[int]:
        """Return the ids of all who are told what is decided, where there are so many clients."""
        return list(range(clients))

    def _server_spec(self, server: int) -> NodeSpec:
        what = BeServer(self._servers, NEVER_S, NEVER_S, NEVER_S, WINDOW)
        return NodeSpec(server, f"server {server}", True, self.MACHINES, what)

    def give(self, name: str, fields: tuple[str, ...]) -> None:
        id, world = int(fields[0]), self.world
        if name == "restartServer":
            if id not in world.nodes and id in world.journals:
                peers = [peer for peer in sorted(world.nodes) if peer != id]
                world.restart(self._server_spec(id), peers)
                self.events.append({"event": "restarted", "server": id})
        elif name == "crashServer":
            if id in world.nodes:
                world.crash(id)
                self.events.append({"event": "crashed", "server": id})
        else:
            self.use(name, id, fields[1:])

    def use(self, name: str, client: int, fields: tuple[str, ...]) -> None:
        """Let a client do something, if it is there."""
        raise NotImplementedError

    def say(self, client: int, text: str) -> None:
        """Let a client have something carried out, if it is there."""
        if CLIENTS_FROM + client in self.world.nodes:
            self.world.order(CLIENTS_FROM + client, Say(text))

    def run_dry(self) -> None:
        super().run_dry()
        while self._say_what_is_held():
            super().run_dry()

    def _let_clients_talk(self) -> None:
        super()._let_clients_talk()
        while self._say_what_is_held():
            super()._let_clients_talk()

    def _say_what_is_held(self) -> bool:
        """Wake who wants to be woken now; return whether anybody did."""
        now_s = self.world.now_s
        due = [
            node for node in self.world.nodes.values() if node.wake_at is not None and node.wake_at <= now_s
        ]
        if due:
            self.world.pass_time(0.0)
        return bool(due)

    def shared(self) -> list[object]:
        servers = [node for node in self.world.nodes.values() if isinstance(node, LogServer)]
        return [*super().shared(), *(server.log._rng for server in servers)]
