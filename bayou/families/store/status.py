"""How a store stands, for a person at the prompt: what its servers and clients say of themselves."""

from __future__ import annotations

from bayou.families.store.stock import take_stock
from bayou.node.messages import Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayou.families.store.system import StoreSystem
    from bayou.machine.messages import Links


def say_status(system: StoreSystem) -> None:
    """Ask all nodes how they are, and show it."""
    survey = take_stock(system)
    topology = system.topology
    servers = {server: links for server in topology.servers if (links := survey[server]) is not None}
    system.stage.say([_say_pace(system, servers)])
    answers = system.world.ask_all([(server, Watch()) for server in servers])
    statuses = dict(zip(servers, answers, strict=True))
    for server in sorted([*topology.servers, *topology.crashed]):
        if server in topology.crashed:
            system.stage.say([f"server {server}: crashed"])
        elif server not in servers:
            system.stage.say([f"server {server}: {_say_silent(system, server)}"])
        else:
            system.stage.say(_say_status(system, server, servers[server], statuses[server]))
    for client in topology.clients:
        system.stage.say([f"client {client}: {_say_client(system, client, survey[client])}"])
    if not topology.servers and not topology.crashed:
        system.stage.say(["no server has joined yet: joinServer 0"])


def _say_pace(system: StoreSystem, servers: dict[int, Links]) -> str:
    paused = [server for server, links in servers.items() if links.paused]
    if paused and len(paused) < len(servers):
        return f"paused in part, by {_list(paused)} of {_list(list(servers))}: pause or start makes it whole"
    if system.paused:
        return "paused: no anti-entropy"
    return "running free-running" if system.stage.free_running else "running in lock-step"


def _say_silent(system: StoreSystem, node: int) -> str:
    process = system.world.process_of(node)
    return "does not respond" if process is None else f"does not respond (process {process})"


def _say_status(system: StoreSystem, server: int, links: Links, status: object) -> Iterator[str]:
    if not isinstance(status, Status):
        return  # it has left, or crashed, meanwhile
    connected = _list(system.topology.neighbours(server)) or "nobody"
    dialled = [peer for peer in links.dialling if peer not in system.topology.neighbours(server)]
    if dialled:
        connected += f", connecting to {_list(dialled)}"
    role = ", the primary" if status.primary else ", about to leave" if status.retired else ""
    state = f"{status.csn} committed, {status.tentative} tentative, connected to {connected}"
    yield f"server {server}{role}: {state}"


def _say_client(system: StoreSystem, client: int, links: Links | None) -> str:
    own = system.topology.server_of(client)
    if links is None:
        return _say_silent(system, client)
    if own is None:
        return f"connecting to server {_list(links.dialling)}" if links.dialling else "has no server"
    return f"at server {own}" + (", which has crashed" if own in system.topology.crashed else "")


def _list(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
