"""The commands of locks."""

from __future__ import annotations

from bayou.families.locks.options import settings_of
from bayou.families.locks.table import EXPIRE, LOCK, READ, UNLOCK
from bayou.families.log.commands import (
    FAULTS,
    add_all_clear,
    add_faults,
    add_partitions,
    add_start,
    add_weather,
)
from bayou.families.log.fields import CLIENT, parse_whole
from bayou.families.log.messages import Standing
from bayou.families.log.system import CLIENTS_FROM, LogSystem
from bayou.script.grammar import TEXT, BadLine
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.family import Stage
    from bayou.worlds.world import NodeSpec

LOCKS = "locks"
OBSERVER = 1000
"""The client by which the master is told what is decided, and has its own decrees carried out."""

COMMANDS = Registry("locks")


class LockSystem(LogSystem):
    """A lock service under test. ``expired``: the clients whose locks were given back."""

    machines = "bayou.families.locks.machines"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, settings_of(stage.options.get("locks", {})))
        self.expired: dict[int, None] = {}

    @property
    def watchers(self) -> list[int]:
        return [*self.live_clients, OBSERVER]

    @property
    def nodes(self) -> list[int]:
        return [*super().nodes, *([CLIENTS_FROM + OBSERVER] if self.servers else [])]

    def client_spec(self, client: int) -> NodeSpec:
        spec = super().client_spec(client)
        if client != OBSERVER:
            return spec
        return type(spec)(spec.address, "the observer", spec.is_server, spec.machines, spec.what)

    def require_alive(self, client: int) -> None:
        """BadLine where a client has crashed."""
        if client in self.gone:
            raise BadLine(f"client {client} has crashed")

    def crash_client(self, client: int) -> None:
        """Kill a client; what it holds it keeps."""
        self.gone[client] = None
        self.pace.forget(client)
        try:
            self.world.crash(self.address_of(client))
        finally:
            self.stage.record({"event": "crashed client", "client": client})

    def read_through_log(self) -> None:
        """Return when the observer knows all that was decided up to now."""
        node = self.address_of(OBSERVER)
        number = self.say(OBSERVER, READ)
        known: Standing | None = None
        while known is None or known.delivered < number:
            known = self.ask(node, self.question(node, known), Standing)
            self.note(node, known)


def open_system(stage: Stage) -> LockSystem:
    """Return the system of a new run, in which nothing has been started yet."""
    return LockSystem(stage)


add_start(COMMANDS, "startLocks")


def _lock_number(text: str) -> int:
    number = parse_whole(text)
    if number < 0:
        raise BadLine(f"locks are numbered from 0, and {number} is below")
    return number


@COMMANDS.command(
    "lock",
    ("client", CLIENT),
    ("n", TEXT),
    does="lets a client ask for a lock, which is a whole number from 0; where another one holds it, it waits",
    until="nothing more moves; free-running: the client has been told",
    example="lock 1 8",
    group=LOCKS,
)
def lock(system: LockSystem, client: int, text: str) -> None:
    system.require_alive(client)
    system.say(client, f"{LOCK} {_lock_number(text)}")
    system.pace.settle()


@COMMANDS.command(
    "unlock",
    ("client", CLIENT),
    ("n", TEXT),
    does="lets a client give a lock back, which goes to the first that waits for it",
    until="nothing more moves; free-running: the client has been told",
    example="unlock 1 8",
    group=LOCKS,
)
def unlock(system: LockSystem, client: int, text: str) -> None:
    system.require_alive(client)
    system.say(client, f"{UNLOCK} {_lock_number(text)}")
    system.pace.settle()


@COMMANDS.command(
    "printLocks",
    does="prints each lock that was ever asked for: who holds it, and who waits",
    until="it is printed",
    example="printLocks",
    group=LOCKS,
)
def print_locks(system: LockSystem) -> None:
    system.require_started()
    if system.stage.free_running:
        system.read_through_log()
    system.print_page(system.address_of(OBSERVER))


@COMMANDS.command(
    "crashClient",
    ("client", CLIENT),
    does="kills a client for good; what it holds it keeps",
    until="it is gone",
    example="crashClient 1",
    group=FAULTS,
)
def crash_client(system: LockSystem, client: int) -> None:
    system.require_alive(client)
    system.crash_client(client)
    system.pace.settle()


@COMMANDS.command(
    "expireClient",
    ("client", CLIENT),
    does="gives back all that a crashed client holds or waits for",
    until="nothing more moves; free-running: it is on its way",
    example="expireClient 1",
    group=FAULTS,
)
def expire_client(system: LockSystem, client: int) -> None:
    if client not in system.gone:
        raise BadLine(f"client {client} has not crashed")
    if client in system.expired:
        raise BadLine(f"client {client} has been expired already")
    system.expired[client] = None
    system.say(OBSERVER, f"{EXPIRE} {client}")
    system.pace.settle()


add_faults(COMMANDS)
add_weather(COMMANDS)
add_partitions(COMMANDS)
add_all_clear(COMMANDS)
