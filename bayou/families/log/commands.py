"""The commands that chat and locks have in common."""

from __future__ import annotations

from bayou.families.log.fields import (
    MILLISECONDS_MAX,
    RATE_MAX,
    SERVER,
    parse_amount,
    parse_slots,
    parse_whole,
    read_server,
)
from bayou.families.log.messages import Plant, Skipped, SkipSlots
from bayou.families.log.system import LogSystem
from bayou.machine.messages import Done
from bayou.script.grammar import REST, TEXT, BadLine, BadPart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.script.registry import Registry

SYSTEM = "system"
FAULTS = "faults"
REST_GROUP = "coming to rest"

SERVERS_MAX = 99
CLIENTS_MAX = 999


def add_start(commands: Registry, name: str) -> None:
    """Add the command that starts servers and clients, which bears this name."""

    @commands.command(
        name,
        ("servers", TEXT),
        ("clients", TEXT),
        does=f"starts so many servers (1 to {SERVERS_MAX}) and clients (0 to {CLIENTS_MAX}), each with ids "
        "from 0 on; server 0 leads",
        until="all are connected, and server 0 has finished its first phase",
        example=f"{name} 3 2",
        group=SYSTEM,
    )
    def start(system: LogSystem, servers: str, clients: str) -> None:
        count, clients_count = parse_whole(servers), parse_whole(clients)
        if not 1 <= count <= SERVERS_MAX:
            raise BadLine(f"there are 1 to {SERVERS_MAX} servers, not {count}")
        if not 0 <= clients_count <= CLIENTS_MAX:
            raise BadLine(f"there are 0 to {CLIENTS_MAX} clients, not {clients_count}")
        system.start(count, clients_count)


def add_skip_slots(commands: Registry) -> None:
    """Add the command that lets the leader leave slots empty."""

    @commands.command(
        "skipSlots",
        ("slots", TEXT),
        does="lets the present leader leave these slots of the log empty, written with commas between them; "
        "those up to the highest that it has used, found or knows decided are refused",
        until="it is told",
        example="skipSlots 2,3",
        group=FAULTS,
    )
    def skip_slots(system: LogSystem, text: str) -> None:
        system.require_started()
        slots = parse_slots(text)
        answer = system.ask(system.pace.leader_now(), SkipSlots(slots), Skipped)
        if not answer.is_leader:
            raise BadLine("no live server leads")
        kept = [slot for slot in slots if slot not in answer.refused]
        if kept:
            system.stage.record({"event": "skipped", "slots": kept})
        if answer.refused:
            refused = ", ".join(map(str, answer.refused))
            raise BadPart(f"used already, and so not left empty: {refused}")


def add_faults(commands: Registry) -> None:
    """Add the commands that let servers crash."""

    @commands.command(
        "crashServer",
        ("server", SERVER),
        does="lets a server stop at once, as when its machine fails; what it had made durable is kept",
        until="nothing more moves; free-running: it is gone",
        example="crashServer 0",
        group=FAULTS,
    )
    def crash_server(system: LogSystem, server: int) -> None:
        if server not in system.live:
            raise BadLine(f"server {server} is not up")
        system.crash(server)
        system.pace.settle()

    @commands.command(
        "crashSoon",
        ("server", SERVER),
        ("ms", TEXT),
        does="lets a server stop so many milliseconds from now, in the middle of whatever goes on then "
        "(simulated world only)",
        until="it is planned",
        example="crashSoon 2 5",
        group=FAULTS,
    )
    def crash_soon(system: LogSystem, server: int, text: str) -> None:
        system.world.crash_soon(server, parse_amount(text, MILLISECONDS_MAX) / 1000)

    @commands.command(
        "restartServer",
        ("server", SERVER),
        does="starts a crashed server again, with what it had made durable",
        until="nothing more moves; free-running: it is connected",
        example="restartServer 0",
        group=FAULTS,
    )
    def restart_server(system: LogSystem, server: int) -> None:
        if server in system.live:
            raise BadLine(f"server {server} is up")
        system.restart(server)
        system.pace.settle()

    @commands.command(
        "timeBombLeader",
        ("n", TEXT),
        does="lets the leader stop at once after it has sent so many more Accepts and Decides",
        until="it is planted; with 0: nothing more moves",
        example="timeBombLeader 3",
        group=FAULTS,
    )
    def time_bomb_leader(system: LogSystem, text: str) -> None:
        system.require_started()
        count = parse_whole(text)
        if count < 0:
            raise BadLine(f"{count} messages are less than none")
        leader = system.pace.leader_now()
        if count == 0:
            system.crash(leader)
            system.pace.settle()
            return
        system.shelter(leader)
        system.ask(leader, Plant(count), Done)


def add_weather(commands: Registry) -> None:
    """Add the commands that let messages suffer."""

    def add_rate(name: str, fault: str, what: str) -> None:
        @commands.command(
            name,
            ("p", TEXT),
            does=f"lets each message {what} with probability p, from 0 to {RATE_MAX:g}, from now on",
            until="it does",
            example=f"{name} 0.1",
            group=FAULTS,
        )
        def set_rate(system: LogSystem, text: str) -> None:
            system.require_started()
            system.set_weather(**{fault: parse_amount(text, RATE_MAX)})

    add_rate("lossRate", "loss", "between any two nodes get lost")
    add_rate("duplicateRate", "duplicate", "between any two nodes arrive twice")
    add_rate("reorderRate", "reorder", "between any two nodes be overtaken by later ones")

    @commands.command(
        "delayUpTo",
        ("ms", TEXT),
        does=f"lets each message be late by up to so many milliseconds, at most {MILLISECONDS_MAX:g}",
        until="it does",
        example="delayUpTo 20",
        group=FAULTS,
    )
    def delay_up_to(system: LogSystem, text: str) -> None:
        system.require_started()
        system.set_weather(delay_s=parse_amount(text, MILLISECONDS_MAX) / 1000)


def add_partitions(commands: Registry) -> None:
    """Add the commands that cut servers from each other, and mend that."""

    @commands.command(
        "partition",
        ("GROUPS", REST),
        does="cuts all connections between groups of servers, written as ids with | between the groups "
        "(free-running only)",
        until="they are cut",
        example="partition 0 1 | 2",
        group=FAULTS,
    )
    def partition(system: LogSystem, text: str) -> None:
        system.require_started()
        _require_free(system)
        groups = [[read_server(word, system) for word in group.split()] for group in text.split("|")]
        members = [server for group in groups for server in group]
        if len(dict.fromkeys(members)) < len(members):
            raise BadLine("a server is in one group only")
        system.partition(groups)

    @commands.command(
        "heal",
        does="mends every connection between servers that are up (free-running only); rates and delays stay",
        until="they are mended",
        example="heal",
        group=FAULTS,
    )
    def heal(system: LogSystem) -> None:
        system.require_started()
        _require_free(system)
        system.heal()


def add_all_clear(commands: Registry) -> None:
    """Add the command that waits for everything to come to rest."""

    @commands.command(
        "allClear",
        does="waits until nothing can move any more: in lock-step, that is so already",
        until="all live servers and all clients know the same, and nothing waits but for a majority or "
        "behind a slot that was skipped",
        example="allClear",
        group=REST_GROUP,
    )
    def all_clear(system: LogSystem) -> None:
        system.require_started()
        system.pace.all_clear()
        system.record_clearance()


def _require_free(system: LogSystem) -> None:
    if not system.stage.free_running:
        raise BadLine("in lock-step all live servers are connected: it needs --free-running")
