"""The commands that let things go wrong."""

from __future__ import annotations

from itertools import combinations

from bayou.families.store.fields import NODE_OR_ALL, SERVER_ID
from bayou.script.grammar import REST, TEXT, BadLine, parse_id, parse_number
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.store.system import StoreSystem

MILLISECONDS_MAX = 3_600_000.0

GROUP = "faults"

FAULTS = Registry("store")


@FAULTS.command(
    "partition",
    ("GROUPS", REST),
    does="cuts all connections between groups of servers, written as ids with | between the groups; servers "
    "that are not named keep theirs",
    until="they are cut",
    example="partition 0 1 | 2",
    group=GROUP,
)
def partition(system: StoreSystem, text: str) -> None:
    groups = [[parse_id(word) for word in group.split()] for group in text.split("|")]
    members = [server for group in groups for server in group]
    for server in members:
        if system.topology.kind(server) != "server":
            raise BadLine(f"{server} is no server that is up")
    if len(dict.fromkeys(members)) < len(members):
        raise BadLine("a server is in one group only")
    group_of = {server: at for at, group in enumerate(groups) for server in group}
    for a in members:
        for b in members if system.is_in_doubt else system.topology.neighbours(a):
            if b in group_of and group_of[a] != group_of[b]:
                system.world.disconnect(a, b)
                system.topology.disconnect(a, b)


@FAULTS.command(
    "heal",
    does="mends every connection between servers that are up, and ends all faults of connections",
    until="they are mended",
    example="heal",
    group=GROUP,
)
def heal(system: StoreSystem) -> None:
    system.faults.clear()  # at once: whoever gives up waiting for the end of faults does not bring them back
    system.world.calm()
    for a, b in combinations(system.topology.servers, 2):
        system.mend(a, b)
    system.settle(system.topology.servers)


@FAULTS.command(
    "crashServer",
    ("id", SERVER_ID),
    does="lets a server stop at once, as when its machine fails; what it had made durable is kept",
    until="it is gone",
    example="crashServer 2",
    group=GROUP,
)
def crash_server(system: StoreSystem, server: int) -> None:
    system.topology.crash(server)  # at once: whoever gives up waiting for its end does not bring it back
    try:
        system.world.crash(server)
    finally:
        system.stage.record({"event": "crashed", "server": server})


@FAULTS.command(
    "crashSoon",
    ("id", TEXT),
    ("ms", TEXT),
    does="lets a server stop so many milliseconds from now, in the middle of whatever goes on then; one that "
    "is joining at that moment can be named too (simulated world only)",
    until="it is planned",
    example="crashSoon 2 5",
    group=GROUP,
)
def crash_soon(system: StoreSystem, text: str, ms: str) -> None:
    system.world.crash_soon(parse_id(text), parse_number(ms, MILLISECONDS_MAX) / 1000)


@FAULTS.command(
    "restartServer",
    ("id", TEXT),
    does="starts a crashed server again, with what it had made durable, and connects it to whom it was "
    "connected to",
    until="it is connected",
    example="restartServer 2",
    group=GROUP,
)
def restart_server(system: StoreSystem, text: str) -> None:
    server = parse_id(text)
    if system.topology.kind(server) != "crashed server":
        raise BadLine(f"{server} is no crashed server")
    system.restart_server(server)
    system.stage.record({"event": "restarted", "server": server})
    system.unsettle()  # it may have taken something in, before it crashed, that it has yet to commit
    system.settle([server])


def _set(
    system: StoreSystem, a: int | None, b: int | None, *, free_only: bool = False, **changed: float
) -> None:
    """Change faults of the direction from one node to another, None for all."""
    if a is not None and b is not None:
        if a == b:
            raise BadLine(f"a connection has two ends, and {a} is one")
        if system.topology.kind(a) == system.topology.kind(b) == "client":
            raise BadLine(f"{a} and {b} are both clients, and a client talks to servers only")
    if free_only and not system.stage.free_running:
        raise BadLine("in lock-step every message has to arrive: it needs --free-running")
    from bayou.worlds.weather import NONE, Faults  # seldom needed, and start-up time counts

    old = system.faults.get((a, b), NONE)
    values = {name: getattr(old, name) for name in old.field_names}
    faults = system.faults[a, b] = Faults(**{**values, **changed})
    system.world.suffer(a, b, faults)


def _share(text: str) -> float:
    return parse_number(text, 100.0) / 100


@FAULTS.command(
    "loss",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("percent", TEXT),
    does="lets that share of the messages from one node to another get lost; 100 cuts this direction "
    "(free-running only)",
    until="it does",
    example="loss 0 1 25",
    group=GROUP,
)
def loss(system: StoreSystem, a: int | None, b: int | None, percent: str) -> None:
    _set(system, a, b, free_only=True, loss=_share(percent))


@FAULTS.command(
    "duplicate",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("percent", TEXT),
    does="lets that share of the messages from one node to another arrive twice",
    until="it does",
    example="duplicate 0 1 25",
    group=GROUP,
)
def duplicate(system: StoreSystem, a: int | None, b: int | None, percent: str) -> None:
    _set(system, a, b, duplicate=_share(percent))


@FAULTS.command(
    "reorder",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("percent", TEXT),
    does="lets that share of the messages from one node to another be overtaken by later ones "
    "(free-running only)",
    until="it does",
    example="reorder 0 1 25",
    group=GROUP,
)
def reorder(system: StoreSystem, a: int | None, b: int | None, percent: str) -> None:
    _set(system, a, b, free_only=True, reorder=_share(percent))


@FAULTS.command(
    "delay",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("ms", TEXT),
    does="lets messages from one node to another be late by up to so many milliseconds",
    until="it does",
    example="delay 0 1 20",
    group=GROUP,
)
def delay(system: StoreSystem, a: int | None, b: int | None, ms: str) -> None:
    _set(system, a, b, delay_s=parse_number(ms, MILLISECONDS_MAX) / 1000)


@FAULTS.command(
    "skewClock",
    ("id", SERVER_ID),
    ("ms", TEXT),
    does="puts the wall clock of a server forward by so many milliseconds, from its next restart on "
    "(free-running only, as lock-step uses no wall clocks)",
    until="it is put forward",
    example="skewClock 1 500",
    group=GROUP,
)
def skew_clock(system: StoreSystem, server: int, ms: str) -> None:
    if not system.stage.free_running:
        raise BadLine("in lock-step stamps come from logical clocks: it needs --free-running")
    system.world.skew(server, parse_number(ms, MILLISECONDS_MAX) / 1000)
