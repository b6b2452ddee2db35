"""What a person at a prompt needs of a log under test: how it stands, and what came of commands given up."""

from __future__ import annotations

from bayou.families.log.messages import Offered, Said, Standing
from bayou.families.log.system import CLIENTS_FROM
from bayou.script.grammar import BadLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bayou.families.log.system import LogSystem
    from bayou.machine.messages import Links

    Survey = Mapping[int, Links | None]


def take_stock(system: LogSystem) -> Survey:
    """Ask all nodes how they are; return what they said, None for who does not respond."""
    survey = system.world.survey()
    system.look_round()
    system.is_in_doubt = any(survey.get(node) is None for node in system.nodes)
    return survey


def tell_what_came_late(system: LogSystem) -> None:
    """Tell what came of orders that had been given up: a client that has taken one carries it out."""
    for node, _, answer in system.world.take_late():
        if isinstance(answer, Said):
            client = node - CLIENTS_FROM
            system.pace.said(client, answer.number)
            system.unsettle()
            system.stage.tell_news(f"client {client} has what it was told when the command was given up")
        elif isinstance(answer, Offered):
            system.note(node, answer.standing)
        elif isinstance(answer, Standing):
            system.note(node, answer)


def say_status(system: LogSystem) -> None:
    """Ask all nodes how they are, and show it."""
    if not system.servers:
        system.stage.say(["nothing has been started yet"])
        return
    survey = take_stock(system)
    standings = system.stand(node for node in system.nodes if survey.get(node) is not None)
    system.stage.say(_lines(system, standings))


def _lines(system: LogSystem, standings: Mapping[int, Standing]) -> Iterator[str]:
    yield "running free-running" if system.stage.free_running else "running in lock-step"
    try:
        leader: int | None = system.pace.leader_now()
    except BadLine:
        leader = None
    if not system.has_majority:
        yield f"no majority: {len(system.live)} of {system.servers} servers live"
    for server in range(system.servers):
        role = ", the leader" if server == leader and server in system.live else ""
        if server not in system.live:
            yield f"server {server}: crashed"
        else:
            yield f"server {server}{role}: {_what(standings.get(server))}"
    for client in range(system.clients):
        standing = standings.get(system.address_of(client))
        if client in system.gone:
            yield f"client {client}: crashed"
        elif standing is None:
            yield f"client {client}: does not respond"
        else:
            waiting = standing.said - standing.delivered
            state = f"{standing.delivered} of its own delivered, {waiting} not yet"
            yield f"client {client}: {_what(standing)}, {state}"


def _what(standing: Standing | None) -> str:
    if standing is None:
        return "does not respond"
    above = f", and {' '.join(map(str, standing.above))}" if standing.above else ""
    return f"knows {_count(standing.first)} decided{above}"


def _count(first: int) -> str:
    return "no slot" if not first else "slot 0" if first == 1 else f"slots 0 to {first - 1}"
