"""The commands that act on the store: one small handler each.

A handler takes the system under test and the fields of its command, which fit that.
It raises BadLine, before it has changed anything, where the command can't be carried out.
"""

from __future__ import annotations

from bayou.core.rows import KEY_BYTES_MAX, PLAYLIST, TEXT_BYTES_MAX
from bayou.core.values import size_bytes, text_of, text_value
from bayou.families.store.asking import ask_server, server_of, settle_write
from bayou.families.store.changing import CHANGING
from bayou.families.store.describe import describe_get, describe_log
from bayou.families.store.faults import FAULTS
from bayou.families.store.fields import CLIENT_ID, NEW_ID, NODE_ID, SERVER_ID
from bayou.families.store.files import FILES
from bayou.families.store.grouping import GROUPING, leave_group
from bayou.families.store.pasts import PAST
from bayou.families.store.system import StoreSystem
from bayou.node.messages import Delete, Did, Get, LogPage, Pause, Put, ReadLog, Retire, Retired
from bayou.script.grammar import TEXT, BadLine
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.family import Stage

MEMBERS = "system"
CONNECTIONS = "connections"
ANTI_ENTROPY = "anti-entropy"
STORE = "store"

LOG_PAGE_WRITES = 8192

COMMANDS = Registry("store")


def open_system(stage: Stage) -> StoreSystem:
    """Return the system of a new run, in which nothing has been started yet."""
    return StoreSystem(stage)


# Who is in the system.


@COMMANDS.command(
    "joinServer",
    ("id", NEW_ID),
    does="starts a server and connects it to every server in the system; the first one is the primary",
    until="it has its name, is connected, and has all that its creator has",
    example="joinServer 3",
    group=MEMBERS,
)
def join_server(system: StoreSystem, server: int) -> None:
    system.start_server(server)
    system.settle([server])


@COMMANDS.command(
    "retireServer",
    ("id", SERVER_ID),
    does="retires a server gracefully: it leaves when others have confirmed that they have all its writes; "
    "a primary hands its duty over too",
    until="another server has confirmed that it has taken over",
    example="retireServer 2",
    group=MEMBERS,
)
def retire_server(system: StoreSystem, server: int) -> None:
    if not system.topology.neighbours(server):
        raise BadLine(f"no other server is connected to {server}, so nobody would hear of its retirement")
    leave_group(system, server)
    retired = system.ask(server, Retire(), Retired)
    system.world.farewell(server)
    if retired.heir is not None:
        system.pace.note_primary(retired.heir)
    system.settle(system.remove_server(server))


@COMMANDS.command(
    "joinClient",
    ("clientId", NEW_ID),
    ("serverId", SERVER_ID),
    does="starts a client, connected to that server",
    until="it is connected",
    example="joinClient 8 0",
    group=MEMBERS,
)
def join_client(system: StoreSystem, client: int, server: int) -> None:
    system.start_client(client, server)


# Who is connected to whom.


@COMMANDS.command(
    "breakConnection",
    ("id1", NODE_ID),
    ("id2", NODE_ID),
    does="cuts the connection between two servers, or between a client and a server",
    until="it is cut",
    example="breakConnection 0 1",
    group=CONNECTIONS,
)
def break_connection(system: StoreSystem, a: int, b: int) -> None:
    client, server = _ends(system, a, b)
    if not system.topology.are_connected(a, b) and not system.is_in_doubt:
        return
    system.world.disconnect(a, b)
    if client is None:
        system.topology.disconnect(a, b)
    elif system.topology.server_of(client) == server:
        system.topology.set_server(client, None)


@COMMANDS.command(
    "restoreConnection",
    ("id1", NODE_ID),
    ("id2", NODE_ID),
    does="mends the connection between two servers, or makes a server the one that a client talks to",
    until="it is mended",
    example="restoreConnection 0 1",
    group=CONNECTIONS,
)
def restore_connection(system: StoreSystem, a: int, b: int) -> None:
    client, server = _ends(system, a, b)
    if system.topology.are_connected(a, b) and not system.is_in_doubt:
        return
    if client is None:
        system.world.connect(a, b)
        system.topology.connect(a, b)
        system.settle([a])
        return
    former = system.topology.server_of(client)
    if former is not None and system.topology.kind(former) == "server":
        system.world.disconnect(client, former)
        system.topology.set_server(client, None)
    system.world.connect(client, server)
    system.topology.set_server(client, server)


def _ends(system: StoreSystem, a: int, b: int) -> tuple[int | None, int]:
    """Return the two ends of a connection as (client or None, server); BadLine where it can't be one."""
    kinds = (system.topology.kind(a), system.topology.kind(b))
    if a == b:
        raise BadLine(f"a connection has two ends, and {a} is one")
    if kinds == ("client", "client"):
        raise BadLine(f"{a} and {b} are both clients, and a client talks to servers only")
    if kinds[0] == "client":
        return a, b
    return (b, a) if kinds[1] == "client" else (None, a)


# When anti-entropy goes on.


@COMMANDS.command(
    "pause",
    does="stops anti-entropy everywhere",
    until="all have stopped",
    example="pause",
    group=ANTI_ENTROPY,
)
def pause(system: StoreSystem) -> None:
    _set_paused(system, paused=True)


@COMMANDS.command(
    "start",
    does="lets anti-entropy go on again",
    until="all have started",
    example="start",
    group=ANTI_ENTROPY,
)
def start(system: StoreSystem) -> None:
    _set_paused(system, paused=False)
    system.settle(system.topology.servers)


def _set_paused(system: StoreSystem, *, paused: bool) -> None:
    system.world.ask_all([(server, Pause(paused)) for server in system.topology.servers])
    system.paused = paused


@COMMANDS.command(
    "stabilize",
    does="lets every value reach every server that it can reach",
    until="nothing more can move",
    example="stabilize",
    group=ANTI_ENTROPY,
)
def stabilize(system: StoreSystem) -> None:
    if not system.paused:
        system.pace.stabilize()
        system.look_round()
        system.record_rest(system.topology.servers)


# What is in the store.


@COMMANDS.command(
    "printLog",
    ("id", SERVER_ID),
    does="prints the log of a server, oldest write first",
    until="it is printed",
    example="printLog 0",
    group=STORE,
)
def print_log(system: StoreSystem, server: int) -> None:
    start, total = 0, 1
    while start < total:
        page = system.ask(server, ReadLog(start, LOG_PAGE_WRITES), LogPage)
        system.stage.print(describe_log(page))
        start, total = start + len(page.writes), page.total


@COMMANDS.command(
    "put",
    ("clientId", CLIENT_ID),
    ("song", TEXT),
    ("URL", TEXT),
    does="gives a song a URL; dropped where the server can't keep the session's guarantees",
    until="the client has an answer",
    example="put 9 song http://example.org/song",
    group=STORE,
)
def put(system: StoreSystem, client: int, song: str, url: str) -> None:
    _write(system, client, Put(PLAYLIST, song, text_value(url)))


@COMMANDS.command(
    "get",
    ("clientId", CLIENT_ID),
    ("song", TEXT),
    does="prints song:URL, or song:ERR_KEY for an unknown song, or song:ERR_DEP where the server can't keep "
    "the session's guarantees",
    until="it is printed",
    example="get 9 song",
    group=STORE,
)
def get(system: StoreSystem, client: int, song: str) -> None:
    did = _do(system, client, Get(PLAYLIST, song))
    system.stage.print([describe_get(song, did)])


@COMMANDS.command(
    "delete",
    ("clientId", CLIENT_ID),
    ("song", TEXT),
    does="deletes a song; dropped where the server can't keep the session's guarantees",
    until="the client has an answer",
    example="delete 9 song",
    group=STORE,
)
def delete(system: StoreSystem, client: int, song: str) -> None:
    _write(system, client, Delete(PLAYLIST, song))


def _write(system: StoreSystem, client: int, what: Put | Delete) -> None:
    settle_write(system, client, _do(system, client, what))


def _do(system: StoreSystem, client: int, what: Get | Put | Delete) -> Did:
    server_of(system, client)
    url = text_of(what.value) if isinstance(what, Put) else ""
    for field, text, most in (("song", what.key, KEY_BYTES_MAX), ("URL", url, TEXT_BYTES_MAX)):
        size = size_bytes(text)
        if size > most:
            raise BadLine(f"a {field} of {size} bytes; {most} are the limit")
    return ask_server(system, client, what)


COMMANDS.update(CHANGING)
COMMANDS.update(PAST)
COMMANDS.update(FAULTS)
COMMANDS.update(FILES)
COMMANDS.update(GROUPING)
