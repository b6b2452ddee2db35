"""The commands that let things go wrong."""

from __future__ import annotations

from itertools import combinations

from bayou.master.grammar import NODE_OR_ALL, REST, SERVER_ID, TEXT, BadLine, parse_id
from bayou.master.registry import command
from bayou.worlds.faults import NONE, Faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.master.run import Run

MILLISECONDS_MAX = 3_600_000.0


@command(
    "partition",
    ("GROUPS", REST),
    does="cuts all connections between groups of servers, written as ids with | between the groups; servers "
    "that are not named keep theirs",
    until="they are cut",
    example="partition 0 1 | 2",
)
def partition(run: Run, text: str) -> None:
    groups = [[parse_id(word) for word in group.split()] for group in text.split("|")]
    members = [server for group in groups for server in group]
    for server in members:
        if run.topology.kind(server) != "server":
            raise BadLine(f"{server} is no server that is up")
    if len(dict.fromkeys(members)) < len(members):
        raise BadLine("a server is in one group only")
    group_of = {server: at for at, group in enumerate(groups) for server in group}
    for a in members:
        for b in members if run.is_in_doubt else run.topology.neighbours(a):
            if b in group_of and group_of[a] != group_of[b]:
                run.world.disconnect(a, b)
                run.topology.disconnect(a, b)


@command(
    "heal",
    does="mends every connection between servers that are up, and ends all faults of connections",
    until="they are mended",
    example="heal",
)
def heal(run: Run) -> None:
    run.faults.clear()  # at once: whoever gives up waiting for the end of faults does not bring them back
    run.world.calm()
    for a, b in combinations(run.topology.servers, 2):
        run.mend(a, b)
    run.settle(run.topology.servers)


@command(
    "crashServer",
    ("id", SERVER_ID),
    does="lets a server stop at once, as when its machine fails; what it had made durable is kept",
    until="it is gone",
    example="crashServer 2",
)
def crash_server(run: Run, server: int) -> None:
    run.topology.crash(server)  # at once: whoever gives up waiting for its end does not bring it back
    try:
        run.world.crash(server)
    finally:
        run.record({"event": "crashed", "server": server})


@command(
    "crashSoon",
    ("id", TEXT),
    ("ms", TEXT),
    does="lets a server stop so many milliseconds from now, in the middle of whatever goes on then; one that "
    "is joining at that moment can be named too (simulated world only)",
    until="it is planned",
    example="crashSoon 2 5",
)
def crash_soon(run: Run, text: str, ms: str) -> None:
    run.world.crash_soon(parse_id(text), _number(ms, MILLISECONDS_MAX) / 1000)


@command(
    "restartServer",
    ("id", TEXT),
    does="starts a crashed server again, with what it had made durable, and connects it to whom it was "
    "connected to",
    until="it is connected",
    example="restartServer 2",
)
def restart_server(run: Run, text: str) -> None:
    server = parse_id(text)
    if run.topology.kind(server) != "crashed server":
        raise BadLine(f"{server} is no crashed server")
    run.world.restart(server, run.topology.peers_after_restart(server), paused=run.paused)
    run.topology.restart(server)
    run.record({"event": "restarted", "server": server})
    run.unsettle()  # it may have taken something in, before it crashed, that it has yet to commit
    run.settle([server])


def _set(run: Run, a: int | None, b: int | None, *, free_only: bool = False, **changed: float) -> None:
    """Change faults of the direction from one node to another, None for all."""
    if a is not None and b is not None:
        if a == b:
            raise BadLine(f"a connection has two ends, and {a} is one")
        if run.topology.kind(a) == run.topology.kind(b) == "client":
            raise BadLine(f"{a} and {b} are both clients, and a client talks to servers only")
    if free_only and not run.settings.free_running:
        raise BadLine("in lock-step every message has to arrive: it needs --free-running")
    old = run.faults.get((a, b), NONE)
    values = {name: getattr(old, name) for name in old.field_names}
    faults = run.faults[a, b] = Faults(**{**values, **changed})
    run.world.suffer(a, b, faults)


def _share(text: str) -> float:
    return _number(text, 100.0) / 100


def _number(text: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise BadLine(f"{text!r} is no number from 0 to {most:g}")
    return value


@command(
    "loss",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("percent", TEXT),
    does="lets that share of the messages from one node to another get lost; 100 cuts this direction "
    "(free-running only)",
    until="it does",
    example="loss 0 1 25",
)
def loss(run: Run, a: int | None, b: int | None, percent: str) -> None:
    _set(run, a, b, free_only=True, loss=_share(percent))


@command(
    "duplicate",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("percent", TEXT),
    does="lets that share of the messages from one node to another arrive twice",
    until="it does",
    example="duplicate 0 1 25",
)
def duplicate(run: Run, a: int | None, b: int | None, percent: str) -> None:
    _set(run, a, b, duplicate=_share(percent))


@command(
    "reorder",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("percent", TEXT),
    does="lets that share of the messages from one node to another be overtaken by later ones "
    "(free-running only)",
    until="it does",
    example="reorder 0 1 25",
)
def reorder(run: Run, a: int | None, b: int | None, percent: str) -> None:
    _set(run, a, b, free_only=True, reorder=_share(percent))


@command(
    "delay",
    ("from", NODE_OR_ALL),
    ("to", NODE_OR_ALL),
    ("ms", TEXT),
    does="lets messages from one node to another be late by up to so many milliseconds",
    until="it does",
    example="delay 0 1 20",
)
def delay(run: Run, a: int | None, b: int | None, ms: str) -> None:
    _set(run, a, b, delay_s=_number(ms, MILLISECONDS_MAX) / 1000)


@command(
    "skewClock",
    ("id", SERVER_ID),
    ("ms", TEXT),
    does="puts the wall clock of a server forward by so many milliseconds, from its next restart on "
    "(free-running only, as lock-step uses no wall clocks)",
    until="it is put forward",
    example="skewClock 1 500",
)
def skew_clock(run: Run, server: int, ms: str) -> None:
    if not run.settings.free_running:
        raise BadLine("in lock-step stamps come from logical clocks: it needs --free-running")
    run.world.skew(server, _number(ms, MILLISECONDS_MAX) / 1000)


@command(
    "wait",
    ("ms", TEXT),
    does="lets so many milliseconds pass (virtual ones in the simulated world)",
    until="they have passed",
    example="wait 10",
)
def wait(run: Run, ms: str) -> None:
    run.world.pass_quietly(_number(ms, MILLISECONDS_MAX) / 1000)
