"""Who is in the system, who is connected to whom, and who talks to which server."""

from __future__ import annotations

from _bisect import insort_right as insort  # the C half: see docs/decisions/0002-start-time.md

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Topology:
    """The connections between servers as an undirected graph, and the server of each client.

    Everything comes out in order of id, so that nothing depends on the order of events.
    """

    def __init__(self) -> None:
        self._neighbours: dict[int, list[int]] = {}
        self._clients: dict[int, int | None] = {}
        self._down: dict[int, list[int]] = {}

    @property
    def servers(self) -> list[int]:
        """The ids of all servers."""
        return sorted(self._neighbours)

    @property
    def clients(self) -> list[int]:
        """The ids of all clients."""
        return sorted(self._clients)

    @property
    def crashed(self) -> list[int]:
        """The ids of all crashed servers."""
        return sorted(self._down)

    def kind(self, node: int) -> str | None:
        """Return ``server``, ``crashed server`` or ``client``, or None for an unknown id."""
        if node in self._neighbours:
            return "server"
        return "client" if node in self._clients else "crashed server" if node in self._down else None

    def add_server(self, server: int) -> None:
        """Add a server, connected to every other."""
        others = self.servers
        self._neighbours[server] = others
        for other in others:
            insort(self._neighbours[other], server)
        for missed in self._down.values():
            insort(missed, server)

    def crash(self, server: int) -> None:
        """A server is down. Whom it was connected to is remembered, its clients wait for it."""
        neighbours = self._down[server] = self._neighbours.pop(server)
        for other in neighbours:
            self._neighbours[other].remove(server)

    def peers_after_restart(self, server: int) -> list[int]:
        """Return whom a crashed server is connected to when it is up again: servers, then its clients."""
        servers = [other for other in self._down[server] if other in self._neighbours]
        return [*servers, *(client for client in self.clients if self._clients[client] == server)]

    def restart(self, server: int) -> None:
        """A crashed server is up again."""
        neighbours = [other for other in self._down.pop(server) if other in self._neighbours]
        self._neighbours[server] = neighbours
        for other in neighbours:
            insort(self._neighbours[other], server)

    def remove_server(self, server: int) -> list[int]:
        """Remove a server; return those that were connected to it. Its clients are left without one."""
        neighbours = self._neighbours.pop(server)
        for other in neighbours:
            self._neighbours[other].remove(server)
        for missed in self._down.values():
            if server in missed:
                missed.remove(server)
        for client, own in self._clients.items():
            if own == server:
                self._clients[client] = None
        return neighbours

    def remove_client(self, client: int) -> None:
        """Remove a client."""
        del self._clients[client]

    def set_server(self, client: int, server: int | None) -> None:
        """Add a client, or change the server that it talks to."""
        self._clients[client] = server

    def server_of(self, client: int) -> int | None:
        """Return the server that a client talks to."""
        return self._clients[client]

    def neighbours(self, server: int) -> list[int]:
        """Return the servers connected to this one."""
        return list(self._neighbours[server])

    def are_connected(self, a: int, b: int) -> bool:
        """Whether two servers, or a client and a server, are connected."""
        if a in self._clients:
            return self._clients[a] == b
        if b in self._clients:
            return self._clients[b] == a
        return b in self._neighbours[a]

    def connect(self, a: int, b: int) -> None:
        """Connect two servers, if they are not."""
        if b not in self._neighbours[a]:
            insort(self._neighbours[a], b)
            insort(self._neighbours[b], a)

    def disconnect(self, a: int, b: int) -> None:
        """Cut the connection between two servers, if there is one."""
        if b in self._neighbours[a]:
            self._neighbours[a].remove(b)
            self._neighbours[b].remove(a)

    def groups(self, members: Iterable[int]) -> list[list[int]]:
        """Return the groups of servers connected, directly or through others, that hold ``members``."""
        found = []
        seen: set[int] = set()
        for member in sorted(members):
            if member in self._neighbours and member not in seen:
                group = sorted(self._reach(member))
                seen.update(group)
                found.append(group)
        return found

    def tree(self, head: int) -> dict[int, tuple[int | None, list[int]]]:
        """Return a spanning tree of the head's group, as flat as can be: each server's neighbours in it, the
        one above (None for the head) and those below."""
        above = self._reach(head)
        tree: dict[int, tuple[int | None, list[int]]] = {
            server: (parent, []) for server, parent in above.items()
        }
        for server, parent in above.items():
            if parent is not None:
                tree[parent][1].append(server)
        return tree

    def _reach(self, head: int) -> dict[int, int | None]:
        """Map each server of the head's group to the one it was reached from, breadth first."""
        above: dict[int, int | None] = {head: None}
        queue = [head]
        for server in queue:
            for other in self._neighbours[server]:
                if other not in above:
                    above[other] = server
                    queue.append(other)
        return above
