"""Random scenarios of the twelve commands, each a function of its seed."""

from __future__ import annotations

import random

SONGS = ("a", "b", "song", "ü", "x/y", "1")
JUNK = (
    "", "   ", "# a comment", "// another", "   # indented", "playSong 1", "put", "put 1 onlysong", "get",
    "joinServer", "joinServer x", "joinServer 1.5", "joinServer +1", "joinServer \u0663", "get one song",
    "retireServer 99999", "PUT 1 a b", "pause now", "stabilize  please", "joinClient 5", "breakConnection 3",
)  # fmt: skip


class Generator:
    """Makes one scenario: knows roughly what is there, so that most lines can be carried out."""

    def __init__(self, seed: int, length: int) -> None:
        self.rng = random.Random(seed)
        self.length = length
        self.servers: list[int] = []
        self.clients: list[int] = []
        self.retired: list[int] = []
        self.urls = 0
        # Each scenario has tastes of its own, so that some are all partitions and others all retirements.
        self.weights = {name: self.rng.choice((1, 1, 2, 5)) for name in self._verbs()}
        for name in self.rng.sample(("mend", "start", "cut"), 1):
            self.weights[name] = 0
        self.junk = self.rng.choice((0.0, 0.03, 0.15))

    def _verbs(self) -> list[str]:
        return ["server", "client", "retire", "cut", "split", "mend", "move", "pause", "start", "stabilize",
                "log", "put", "get", "delete", "put", "get", "roam"]  # fmt: skip

    def lines(self) -> list[str]:
        """Return the lines of the scenario; its last ones show the final state from everywhere."""
        made = [self._join_server(), self._join_client()]
        while len(made) < self.length:
            made += [self._disfigure(line) for line in self._lines()]
        for server in self.servers:
            made.append(f"printLog {server}")
        if self.rng.random() < 0.7:
            made.append("start")
            made += [f"printLog {server}" for server in self.servers]
        made += [f"get {client} {song}" for client in self.clients for song in SONGS[:2]]
        return made

    def _lines(self) -> list[str]:
        if self.rng.random() < self.junk:
            return [self.rng.choice(JUNK)]
        verbs = self._verbs()
        verb = self.rng.choices(verbs, [self.weights[name] for name in verbs])[0]
        if verb == "split":
            half = [server for server in self.servers if self.rng.random() < 0.5]
            others = [server for server in self.servers if server not in half]
            return [f"breakConnection {a} {b}" for a in half for b in others]
        if verb == "roam":
            # A session that carries something from one server to another, the way guarantees are broken.
            client, song = self._client(), self.rng.choice(SONGS)
            use = self._use(self.rng.choice(("put", "get")))
            return [
                use.replace(use.split()[1], str(client), 1),
                f"restoreConnection {client} {self._server()}",
                self.rng.choice((f"get {client} {song}", f"put {client} {song} roamed")),
            ]
        return [self._line(verb)]

    def _line(self, verb: str) -> str:
        if verb == "server" and len(self.servers) < 7:
            return self._join_server()
        if verb == "client" and len(self.clients) < 5:
            return self._join_client()
        if verb == "retire" and (len(self.servers) > 2 or self.rng.random() < 0.2):
            return self._retire()
        if verb in ("cut", "mend"):
            a, b = self._server(), self.rng.choice([self._server(), self._server(), self._client()])
            a, b = (a, b) if self.rng.random() < 0.5 else (b, a)
            return f"{'breakConnection' if verb == 'cut' else 'restoreConnection'} {a} {b}"
        if verb == "move":
            return f"restoreConnection {self._client()} {self._server()}"
        if verb in ("pause", "start", "stabilize"):
            return verb
        if verb == "log":
            return f"printLog {self._server()}"
        return self._use(verb)

    def _use(self, verb: str) -> str:
        song = self.rng.choice(SONGS)
        if verb == "get":
            return f"get {self._client()} {song}"
        if verb == "delete":
            return f"delete {self._client()} {song}"
        self.urls += 1
        return f"put {self._client()} {song} url{self.urls}"

    def _join_server(self) -> str:
        if self.retired and self.rng.random() < 0.5:
            server = self.retired.pop(self.rng.randrange(len(self.retired)))
        else:
            server = self._fresh()
        self.servers.append(server)
        return f"joinServer {server}"

    def _join_client(self) -> str:
        client = self._fresh()
        self.clients.append(client)
        return f"joinClient {client} {self._server()}"

    def _retire(self) -> str:
        server = self._server()
        if len(self.servers) > 1 and server in self.servers:
            self.servers.remove(server)
            self.retired.append(server)
        return f"retireServer {server}"

    def _fresh(self) -> int:
        while True:
            candidate = self.rng.choice((self.rng.randrange(12), self.rng.randrange(-3, 1000)))
            if candidate not in self.servers and candidate not in self.clients:
                return candidate

    def _server(self) -> int:
        if self.rng.random() < 0.02:
            return self._client()
        return self.rng.choice(self.servers)

    def _client(self) -> int:
        if self.rng.random() < 0.02 or not self.clients:
            return self.rng.randrange(12)
        return self.rng.choice(self.clients)

    def _disfigure(self, line: str) -> str:
        """Now and then write a line in a way that means the same."""
        if self.rng.random() > 0.05:
            return line
        return self.rng.choice(
            (line + "\r", "  " + line, line.replace(" ", " \t "), line + " surplus", line + "  ")
        )


def scenario(seed: int, length: int = 40) -> list[str]:
    """Return the lines of the scenario with this seed."""
    return Generator(seed, length).lines()
