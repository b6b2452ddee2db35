"""What has become of things since a command was given up: the map is made to agree with the world again.

Every order that was given is carried out some time, unless its node ends, also where nobody waits for it
any more; a connection that was being dialled comes up, or does not. So nodes are asked how they are, after
whatever they had been told before, and what they say is what counts. Where one does not respond, the map
stays as it was as far as nobody else knows better, and is in doubt: then commands are carried out even where
the map says that there is nothing to be done, and the nodes are asked again before the next one.
"""

from __future__ import annotations

from itertools import combinations

from bayou.core.values import text_of
from bayou.families.store.describe import describe_get
from bayou.machine.messages import Failed
from bayou.node.messages import OK, Delete, Did, Do, Get, Put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayou.families.store.system import StoreSystem
    from bayou.machine.messages import Links, Message

    Survey = Mapping[int, Links | None]

LOOKS_MAX = 20
LOOK_AGAIN_S = 0.025
"""How often, and after which time, nodes are asked again that are in the middle of connecting."""


def take_stock(system: StoreSystem) -> Survey:
    """Ask all nodes whom they are connected to, and whether they are paused; bring the map up to date, and
    say what has changed in it. Return what they said, None for who did not respond."""
    for _ in range(LOOKS_MAX):
        survey = system.world.survey()
        system.look_round()
        if not _is_changing(system, survey):
            break
        system.world.pass_quietly(LOOK_AGAIN_S)
    nodes = [*system.topology.servers, *system.topology.clients]
    for node in nodes:
        if node not in survey:
            system.stage.tell_news(f"{system.topology.kind(node)} {node} is gone")
            system.forget(node)
    _compare_servers(system, survey)
    _compare_clients(system, survey)
    said = [links for server in system.topology.servers if (links := survey[server]) is not None]
    if said:
        system.paused = any(links.paused for links in said)
    system.is_in_doubt = _is_changing(system, survey) or any(
        survey[node] is None for node in nodes if node in survey
    )
    return survey


def tell_what_came_late(system: StoreSystem) -> None:
    """Tell how requests went that had been given up."""
    for client, order, answer in system.world.take_late():
        if not isinstance(order, Do) or not isinstance(ask := order.ask, Get | Put | Delete):
            continue
        url = text_of(ask.value) if isinstance(ask, Put) else ""
        what = " ".join((type(ask).__name__.lower(), str(client), ask.key, url)).rstrip()
        system.stage.tell_news(f"{system.stage.quote(what)}, given up before: {_outcome(ask, answer)}")
        if ask.is_write:
            system.unsettle()


def _outcome(ask: Get | Put | Delete, answer: Message) -> str:
    if isinstance(answer, Failed):
        return answer.why
    if not isinstance(answer, Did):
        return f"a strange answer, {answer!r}"
    if isinstance(ask, Get):
        return describe_get(ask.key, answer)
    return "carried out" if answer.verdict == OK else "dropped, as its server can't keep the guarantees"


def _says(survey: Survey, node: int, peer: int) -> bool | None:
    """Whether a node says that it is connected to that one, None where it does not respond."""
    links = survey.get(node)
    return None if links is None else peer in links.peers


def _is_changing(system: StoreSystem, survey: Survey) -> bool:
    """Whether two nodes that respond do not agree yet, or one is still dialling another."""
    responding = [links for links in survey.values() if links is not None]
    if any(survey.get(peer) is not None for links in responding for peer in links.dialling):
        return True
    servers = [server for server in system.topology.servers if server in survey]
    if any({_says(survey, a, b), _says(survey, b, a)} == {True, False} for a, b in combinations(servers, 2)):
        return True
    return any(
        _says(survey, own, client) is False
        for client in system.topology.clients
        if (links := survey.get(client)) is not None
        for own in links.peers
    )


def _compare_servers(system: StoreSystem, survey: Survey) -> None:
    topology = system.topology
    for a, b in combinations(topology.servers, 2):
        said = (_says(survey, a, b), _says(survey, b, a))
        connected = topology.are_connected(a, b)
        if False in said and connected:
            topology.disconnect(a, b)
            system.stage.tell_news(f"servers {a} and {b} are not connected any more")
            system.unsettle()
        elif said == (True, True) and not connected:
            topology.connect(a, b)
            system.stage.tell_news(f"servers {a} and {b} are connected now")
            system.unsettle()


def _compare_clients(system: StoreSystem, survey: Survey) -> None:
    topology = system.topology
    for client in topology.clients:
        before = own = topology.server_of(client)
        links = survey[client]
        if links is not None and not links.peers and before in topology.crashed:
            continue  # it waits for that server
        if links is not None:
            own = links.peers[0] if links.peers else None
        elif own is not None and _says(survey, own, client) is False:
            own = None
        if own != before and (own is None or topology.kind(own) == "server"):
            topology.set_server(client, own)
            system.stage.tell_news(
                f"client {client} {'has no server any more' if own is None else f'is at server {own} now'}"
            )
