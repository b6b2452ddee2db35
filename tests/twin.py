"""A slow, obvious twin of the whole system: what every command of a scenario prints, worked out with sets.

No messages, no vectors, no incremental anything. A server knows a set of writes and an order of
commitment; lock-step is a union; a session guarantee is an inclusion. Shares no code with the package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Name = tuple[int, ...]
"""Own creation stamp first, then the creator's, ...; the first server's is empty."""


@dataclass(frozen=True, order=True)
class TwinWrite:
    stamp: int
    server: Name
    kind: str = field(compare=False)
    song: str = field(compare=False, default="")
    url: str = field(compare=False, default="")


@dataclass
class TwinServer:
    name: Name
    known: set[TwinWrite] = field(default_factory=set)
    committed: list[TwinWrite] = field(default_factory=list)
    is_primary: bool = False

    def log(self) -> list[TwinWrite]:
        return self.committed + self.tentative()

    def tentative(self) -> list[TwinWrite]:
        return sorted(self.known - set(self.committed))

    def accept(self, kind: str, song: str = "", url: str = "") -> TwinWrite:
        seen = [write.stamp for write in self.known] + list(self.name[:1])
        write = TwinWrite(max(seen, default=0) + 1, self.name, kind, song, url)
        self.known.add(write)
        self.mark_if_primary()
        return write

    def mark_if_primary(self) -> None:
        if self.is_primary:
            self.committed += self.tentative()

    def take(self, other: TwinServer) -> None:
        self.known |= other.known
        if len(other.committed) > len(self.committed):
            self.committed = list(other.committed)

    def get(self, song: str) -> str | None:
        url: str | None = None
        for write in self.log():
            if write.song == song and write.kind in ("PUT", "DELETE"):
                url = write.url if write.kind == "PUT" else None
        return url


@dataclass
class TwinClient:
    server: int | None
    has_read: set[TwinWrite] = field(default_factory=set)
    has_written: set[TwinWrite] = field(default_factory=set)


class Skipped(Exception):
    """The line can't be carried out; nothing has changed."""


class Twin:
    """Takes scenario lines and returns what each prints. ``errors`` counts the lines that were skipped."""

    def __init__(self, guarantees: frozenset[str] = frozenset({"RYW", "MR", "WFR", "MW"})) -> None:
        self.guarantees = guarantees
        self.servers: dict[int, TwinServer] = {}
        self.clients: dict[int, TwinClient] = {}
        self.links: set[frozenset[int]] = set()
        self.paused = False
        self.started = False
        self.errors = 0

    def line(self, text: str) -> list[str]:
        words = text.split()
        if not words or text.strip().startswith(("#", "//")):
            return []
        try:
            return self._carry_out(words[0], words[1:])
        except Skipped:
            self.errors += 1
            return []

    def _carry_out(self, command: str, fields: list[str]) -> list[str]:
        counts = {
            "joinServer": 1, "retireServer": 1, "joinClient": 2, "breakConnection": 2, "restoreConnection": 2,
            "pause": 0, "start": 0, "stabilize": 0, "printLog": 1, "put": 3, "get": 2, "delete": 2,
        }  # fmt: skip
        if command not in counts or len(fields) < counts[command]:
            raise Skipped
        handler = getattr(self, f"_{command}")
        printed: list[str] | None = handler(*fields[: counts[command]])
        if not self.paused:
            self._lock_step()
        return printed or []

    # Fields.

    def _id(self, text: str) -> int:
        if not re.fullmatch("-?[0-9]+", text, re.ASCII):
            raise Skipped
        return int(text)

    def _new(self, text: str) -> int:
        found = self._id(text)
        if found in self.servers or found in self.clients:
            raise Skipped
        return found

    def _server(self, text: str) -> int:
        found = self._id(text)
        if found not in self.servers:
            raise Skipped
        return found

    def _client(self, text: str) -> TwinClient:
        found = self._id(text)
        if found not in self.clients:
            raise Skipped
        return self.clients[found]

    # Commands.

    def _joinServer(self, id_text: str) -> None:  # noqa: N802
        server = self._new(id_text)
        if not self.started:
            self.started = True
            self.servers[server] = TwinServer((), is_primary=True)
            return
        creator = self.servers[min(self.servers)]
        creation = creator.accept("CREATION")
        self.links |= {frozenset((server, other)) for other in self.servers}
        self.servers[server] = TwinServer((creation.stamp, *creator.name))
        self.servers[server].take(creator)

    def _retireServer(self, id_text: str) -> None:  # noqa: N802
        server = self._server(id_text)
        connected = self._connected(server)
        if not connected:
            raise Skipped
        leaving = self.servers[server]
        leaving.accept("RETIREMENT")
        if leaving.is_primary:
            leaving.is_primary = False
            self.servers[connected[0]].is_primary = True
        for other in connected[:1] if self.paused else connected:
            self.servers[other].take(leaving)
            self.servers[other].mark_if_primary()
        del self.servers[server]
        self.links = {link for link in self.links if server not in link}
        for client in self.clients.values():
            if client.server == server:
                client.server = None

    def _joinClient(self, id_text: str, server_text: str) -> None:  # noqa: N802
        client, server = self._new(id_text), self._server(server_text)
        self.clients[client] = TwinClient(server)

    def _ends(self, a_text: str, b_text: str) -> tuple[int, int]:
        a, b = self._id(a_text), self._id(b_text)
        known = {**self.servers, **self.clients}
        if a not in known or b not in known or a == b or (a in self.clients and b in self.clients):
            raise Skipped
        return (a, b) if a in self.clients else (b, a)

    def _breakConnection(self, a_text: str, b_text: str) -> None:  # noqa: N802
        a, b = self._ends(a_text, b_text)
        if a not in self.clients:
            self.links.discard(frozenset((a, b)))
        elif self.clients[a].server == b:
            self.clients[a].server = None

    def _restoreConnection(self, a_text: str, b_text: str) -> None:  # noqa: N802
        a, b = self._ends(a_text, b_text)
        if a in self.clients:
            self.clients[a].server = b
        else:
            self.links.add(frozenset((a, b)))

    def _pause(self) -> None:
        self.paused = True

    def _start(self) -> None:
        self.paused = False

    def _stabilize(self) -> None:
        pass

    def _printLog(self, id_text: str) -> list[str]:  # noqa: N802
        server = self.servers[self._server(id_text)]
        lines = []
        for at, write in enumerate(server.log()):
            stable = "TRUE" if at < len(server.committed) else "FALSE"
            if write.kind == "PUT":
                lines.append(f"PUT:({write.song}, {write.url}):{stable}")
            elif write.kind == "DELETE":
                lines.append(f"DELETE:({write.song}):{stable}")
        return lines

    def _put(self, client_text: str, song: str, url: str) -> None:
        self._write(self._client(client_text), "PUT", song, url)

    def _delete(self, client_text: str, song: str) -> None:
        self._write(self._client(client_text), "DELETE", song)

    def _write(self, client: TwinClient, kind: str, song: str, url: str = "") -> None:
        server = self._server_of(client)
        if self._allows(server, client, reads="WFR", writes="MW"):
            client.has_written.add(server.accept(kind, song, url))

    def _get(self, client_text: str, song: str) -> list[str]:
        client = self._client(client_text)
        server = self._server_of(client)
        if not self._allows(server, client, reads="MR", writes="RYW"):
            return [f"{song}:ERR_DEP"]
        client.has_read |= server.known
        url = server.get(song)
        return [f"{song}:ERR_KEY" if url is None else f"{song}:{url}"]

    def _server_of(self, client: TwinClient) -> TwinServer:
        if client.server is None:
            raise Skipped
        return self.servers[client.server]

    def _allows(self, server: TwinServer, client: TwinClient, *, reads: str, writes: str) -> bool:
        return (reads not in self.guarantees or client.has_read <= server.known) and (
            writes not in self.guarantees or client.has_written <= server.known
        )

    # Lock-step.

    def _connected(self, server: int) -> list[int]:
        return sorted(other for other in self.servers if frozenset((server, other)) in self.links)

    def _lock_step(self) -> None:
        left = set(self.servers)
        while left:
            group, border = set(), [min(left)]
            while border:
                server = border.pop()
                if server not in group:
                    group.add(server)
                    border += self._connected(server)
            left -= group
            members = [self.servers[server] for server in sorted(group)]
            for member in members:
                for other in members:
                    member.take(other)
            for member in members:
                member.mark_if_primary()
            for member in members:
                for other in members:
                    member.take(other)
