"""The commands that act on the store: one small handler each.

A handler takes the run and the fields of its command, which fit the system (bayou.master.grammar).
It raises BadLine, before it has changed anything, where the command can't be carried out.
"""

from __future__ import annotations

from bayou.core.rows import KEY_BYTES_MAX, PLAYLIST, TEXT_BYTES_MAX
from bayou.core.values import size_bytes, text_of, text_value
from bayou.master.describe import describe_get, describe_log
from bayou.master.grammar import CLIENT_ID, NEW_ID, NODE_ID, SERVER_ID, TEXT, BadLine
from bayou.master.registry import ANTI_ENTROPY, COMMANDS, CONNECTIONS, STORE, SYSTEM, command
from bayou.node.messages import OK, Did, Do, Join, Joined, LogPage, Pause, ReadLog, Retire, Retired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.master.run import Run

__all__ = ["COMMANDS"]

LOG_PAGE_WRITES = 8192

# Who is in the system.


@command(
    "joinServer",
    ("id", NEW_ID),
    does="starts a server and connects it to every server in the system; the first one is the primary",
    until="it has its name, is connected, and has all that its creator has",
    example="joinServer 3",
    group=SYSTEM,
)
def join_server(run: Run, server: int) -> None:
    others = run.topology.servers
    answer = run.world.start_server(server, others, Join(first=not run.had_servers), paused=run.paused)
    joined = run.expect(answer, Joined)
    run.had_servers = True
    run.topology.add_server(server)
    if joined.primary:
        run.pace.note_primary(server)
    run.settle([server])


@command(
    "retireServer",
    ("id", SERVER_ID),
    does="retires a server gracefully: it leaves when others have confirmed that they have all its writes; "
    "a primary hands its duty over too",
    until="another server has confirmed that it has taken over",
    example="retireServer 2",
    group=SYSTEM,
)
def retire_server(run: Run, server: int) -> None:
    if not run.topology.neighbours(server):
        raise BadLine(f"no other server is connected to {server}, so nobody would hear of its retirement")
    retired = run.ask(server, Retire(), Retired)
    run.world.farewell(server)
    if retired.heir is not None:
        run.pace.note_primary(retired.heir)
    run.settle(run.remove_server(server))


@command(
    "joinClient",
    ("clientId", NEW_ID),
    ("serverId", SERVER_ID),
    does="starts a client, connected to that server",
    until="it is connected",
    example="joinClient 8 0",
    group=SYSTEM,
)
def join_client(run: Run, client: int, server: int) -> None:
    run.world.start_client(client, server)
    run.topology.set_server(client, server)


# Who is connected to whom.


@command(
    "breakConnection",
    ("id1", NODE_ID),
    ("id2", NODE_ID),
    does="cuts the connection between two servers, or between a client and a server",
    until="it is cut",
    example="breakConnection 0 1",
    group=CONNECTIONS,
)
def break_connection(run: Run, a: int, b: int) -> None:
    client, server = _ends(run, a, b)
    if not run.topology.are_connected(a, b) and not run.is_in_doubt:
        return
    run.world.disconnect(a, b)
    if client is None:
        run.topology.disconnect(a, b)
    elif run.topology.server_of(client) == server:
        run.topology.set_server(client, None)


@command(
    "restoreConnection",
    ("id1", NODE_ID),
    ("id2", NODE_ID),
    does="mends the connection between two servers, or makes a server the one that a client talks to",
    until="it is mended",
    example="restoreConnection 0 1",
    group=CONNECTIONS,
)
def restore_connection(run: Run, a: int, b: int) -> None:
    client, server = _ends(run, a, b)
    if run.topology.are_connected(a, b) and not run.is_in_doubt:
        return
    if client is None:
        run.world.connect(a, b)
        run.topology.connect(a, b)
        run.settle([a])
        return
    former = run.topology.server_of(client)
    if former is not None and run.topology.kind(former) == "server":
        run.world.disconnect(client, former)
        run.topology.set_server(client, None)
    run.world.connect(client, server)
    run.topology.set_server(client, server)


def _ends(run: Run, a: int, b: int) -> tuple[int | None, int]:
    """Return the two ends of a connection as (client or None, server); BadLine where it can't be one."""
    kinds = (run.topology.kind(a), run.topology.kind(b))
    if a == b:
        raise BadLine(f"a connection has two ends, and {a} is one")
    if kinds == ("client", "client"):
        raise BadLine(f"{a} and {b} are both clients, and a client talks to servers only")
    if kinds[0] == "client":
        return a, b
    return (b, a) if kinds[1] == "client" else (None, a)


# When anti-entropy goes on.


@command(
    "pause",
    does="stops anti-entropy everywhere",
    until="all have stopped",
    example="pause",
    group=ANTI_ENTROPY,
)
def pause(run: Run) -> None:
    _set_paused(run, paused=True)


@command(
    "start",
    does="lets anti-entropy go on again",
    until="all have started",
    example="start",
    group=ANTI_ENTROPY,
)
def start(run: Run) -> None:
    _set_paused(run, paused=False)
    run.settle(run.topology.servers)


def _set_paused(run: Run, *, paused: bool) -> None:
    run.world.ask_all([(server, Pause(paused)) for server in run.topology.servers])
    run.paused = paused


@command(
    "stabilize",
    does="lets every value reach every server that it can reach",
    until="nothing more can move",
    example="stabilize",
    group=ANTI_ENTROPY,
)
def stabilize(run: Run) -> None:
    if not run.paused:
        run.pace.stabilize()
        run.notice_departures()
        run.record_rest(run.topology.servers)


# What is in the store.


@command(
    "printLog",
    ("id", SERVER_ID),
    does="prints the log of a server, oldest write first",
    until="it is printed",
    example="printLog 0",
    group=STORE,
)
def print_log(run: Run, server: int) -> None:
    start, total = 0, 1
    while start < total:
        page = run.ask(server, ReadLog(start, LOG_PAGE_WRITES), LogPage)
        run.print(describe_log(page))
        start, total = start + len(page.writes), page.total


@command(
    "put",
    ("clientId", CLIENT_ID),
    ("song", TEXT),
    ("URL", TEXT),
    does="gives a song a URL; dropped where the server can't keep the session's guarantees",
    until="the client has an answer",
    example="put 9 song http://example.org/song",
    group=STORE,
)
def put(run: Run, client: int, song: str, url: str) -> None:
    _write(run, client, Do("put", PLAYLIST, song, text_value(url)))


@command(
    "get",
    ("clientId", CLIENT_ID),
    ("song", TEXT),
    does="prints song:URL, or song:ERR_KEY for an unknown song, or song:ERR_DEP where the server can't keep "
    "the session's guarantees",
    until="it is printed",
    example="get 9 song",
    group=STORE,
)
def get(run: Run, client: int, song: str) -> None:
    did = _do(run, client, Do("get", PLAYLIST, song))
    run.print([describe_get(song, did)])


@command(
    "delete",
    ("clientId", CLIENT_ID),
    ("song", TEXT),
    does="deletes a song; dropped where the server can't keep the session's guarantees",
    until="the client has an answer",
    example="delete 9 song",
    group=STORE,
)
def delete(run: Run, client: int, song: str) -> None:
    _write(run, client, Do("delete", PLAYLIST, song))


def _write(run: Run, client: int, what: Do) -> None:
    did = _do(run, client, what)
    server = run.topology.server_of(client)
    if did.verdict != OK:
        run.tell(f"dropped: server {server} can't keep the session's guarantees")
    elif server is not None:
        run.settle([server])


def _do(run: Run, client: int, what: Do) -> Did:
    server = run.topology.server_of(client)
    if server is None:
        raise BadLine(f"client {client} has no server: give it one with restoreConnection")
    if run.topology.kind(server) != "server":
        raise BadLine(f"its server {server} has crashed: restartServer {server} brings it back")
    url = "" if what.value is None else text_of(what.value)
    for field, text, most in (("song", what.key, KEY_BYTES_MAX), ("URL", url, TEXT_BYTES_MAX)):
        size = size_bytes(text)
        if size > most:
            raise BadLine(f"a {field} of {size} bytes; {most} are the limit")
    return run.ask(client, what, Did)
