"""A system whose clients are given orders: what no scenario has commands for yet."""

from __future__ import annotations

from typing import Any

from bayou.core.values import Value
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.node.messages import FULL, OK, Ask, Delete, Did, Do, Get, LogPage, Put, ReadLog
from tests.simulated import system_of


class Driven:
    """A run whose clients 10 at server 1 and 11 at server 2 are given orders; server 0 is the primary."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.events: list[dict[str, Any]] = []
        world.observe = self.events.append
        self.complaints: list[str] = []
        self.run = Run(world, COMMANDS, write=lambda _: None, complain=self.complaints.append)
        self.say(*(f"joinServer {server}" for server in range(3)), "joinClient 10 1", "joinClient 11 2")

    def say(self, *lines: str) -> None:
        for line in lines:
            self.run.line(1, line.encode())
        assert self.complaints == []

    def do(
        self,
        client: int,
        kind: str,
        collection: str,
        key: str,
        value: Value | None = None,
        view: str = FULL,
    ) -> Did:
        """Give a client an order, and let its servers become level unless they are paused."""
        ask: Ask = Get(collection, key, view) if kind == "get" else Delete(collection, key)
        if kind == "put":
            assert value is not None
            ask = Put(collection, key, value)
        did = system_of(self.run).ask(client, Do(ask), Did)
        if kind != "get":
            server = system_of(self.run).topology.server_of(client)
            assert server is not None
            system_of(self.run).settle([server])
        return did

    def read(self, client: int, collection: str, key: str, view: str = FULL) -> Value | None:
        did = self.do(client, "get", collection, key, None, view)
        assert did.verdict == OK
        return did.value

    def log(self, server: int) -> LogPage:
        return system_of(self.run).ask(server, ReadLog(0, 100), LogPage)
