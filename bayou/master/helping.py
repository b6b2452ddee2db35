"""The commands for people at a prompt: what there is, how things stand, and goodbye."""

from __future__ import annotations

import os
from textwrap import wrap

from bayou.master.grammar import OPTIONAL, BadLine, Command
from bayou.master.registry import GROUPS, PROMPT_COMMANDS, command
from bayou.master.stock import take_stock
from bayou.master.vocabulary import COMMANDS
from bayou.node.messages import Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayou.master.run import Run
    from bayou.node.messages import Links

__all__ = ["PROMPT_COMMANDS"]

COLUMNS = 80
"""How wide a terminal is taken to be that does not say it."""

COLUMNS_FOR_TWO = 70
"""From which width on there is room for what a command does beside its name."""


class Quit(Exception):
    """The person at the prompt wants to leave."""


@command(
    "help",
    ("COMMAND", OPTIONAL),
    does="lists the commands, or explains one",
    until="it is printed",
    example="help put",
    into=PROMPT_COMMANDS,
)
def help_(run: Run, name: str) -> None:
    everything = {**COMMANDS, **PROMPT_COMMANDS}
    if not name:
        run.say(list_all(everything.values(), columns()))
    elif name in everything:
        run.say(describe(everything[name], columns()))
    else:
        raise BadLine(f"there is no command {name!r}: help lists them")


@command(
    "status",
    does="shows servers, clients and connections, as they say themselves, who is the primary, what is "
    "tentative, and who has crashed",
    until="it is printed, half a second later where somebody does not respond",
    example="status",
    into=PROMPT_COMMANDS,
)
def status(run: Run) -> None:
    survey = take_stock(run)
    topology = run.topology
    servers = {server: links for server in topology.servers if (links := survey[server]) is not None}
    run.say([_say_pace(run, servers)])
    answers = run.world.ask_all([(server, Watch()) for server in servers])
    statuses = dict(zip(servers, answers, strict=True))
    for server in sorted([*topology.servers, *topology.crashed]):
        if server in topology.crashed:
            run.say([f"server {server}: crashed"])
        elif server not in servers:
            run.say([f"server {server}: {_say_silent(run, server)}"])
        else:
            run.say(_say_status(run, server, servers[server], statuses[server]))
    for client in topology.clients:
        run.say([f"client {client}: {_say_client(run, client, survey[client])}"])
    if not topology.servers and not topology.crashed:
        run.say(["no server has joined yet: joinServer 0"])


@command(
    "quit",
    does="ends the run, and all its processes with it",
    until="",
    example="quit",
    into=PROMPT_COMMANDS,
)
def quit_(run: Run) -> None:
    raise Quit


@command(
    "exit",
    does="ends the run, as quit does",
    until="",
    example="exit",
    into=PROMPT_COMMANDS,
)
def exit_(run: Run) -> None:
    raise Quit


# How things stand.


def _say_pace(run: Run, servers: dict[int, Links]) -> str:
    paused = [server for server, links in servers.items() if links.paused]
    if paused and len(paused) < len(servers):
        return f"paused in part, by {_list(paused)} of {_list(list(servers))}: pause or start makes it whole"
    if run.paused:
        return "paused: no anti-entropy"
    return "running free-running" if run.settings.free_running else "running in lock-step"


def _say_silent(run: Run, node: int) -> str:
    process = run.world.process_of(node)
    return "does not respond" if process is None else f"does not respond (process {process})"


def _say_status(run: Run, server: int, links: Links, status: object) -> Iterator[str]:
    if not isinstance(status, Status):
        return  # it has left, or crashed, meanwhile
    connected = _list(run.topology.neighbours(server)) or "nobody"
    dialled = [peer for peer in links.dialling if peer not in run.topology.neighbours(server)]
    if dialled:
        connected += f", connecting to {_list(dialled)}"
    role = ", the primary" if status.primary else ", about to leave" if status.retired else ""
    state = f"{status.csn} committed, {status.tentative} tentative, connected to {connected}"
    yield f"server {server}{role}: {state}"


def _say_client(run: Run, client: int, links: Links | None) -> str:
    own = run.topology.server_of(client)
    if links is None:
        return _say_silent(run, client)
    if own is None:
        return f"connecting to server {_list(links.dialling)}" if links.dialling else "has no server"
    return f"at server {own}" + (", which has crashed" if own in run.topology.crashed else "")


def _list(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))


# What there is.


def columns() -> int:
    """Return how wide the terminal is."""
    try:
        return os.get_terminal_size(1).columns or COLUMNS
    except OSError:
        return COLUMNS


def list_all(everything: Iterable[Command], width: int) -> Iterator[str]:
    """Give the lines that list these commands, group by group, none wider than ``width``."""
    known = list(everything)
    indent = 4 + max(len(each.usage) for each in known)
    for group in GROUPS:
        yield from wrap(f"{group}:", width)
        for each in known:
            if each.group != group:
                continue
            if width < COLUMNS_FOR_TWO:
                yield from _wrap(f"  {each.usage}", width, 2)
                yield from _wrap(f"    {each.does}", width, 4)
            else:
                yield from _wrap(f"  {each.usage:{indent - 4}}  {each.does}", width, indent)
    yield from wrap("help COMMAND tells more. Ctrl-C gives up a command, Ctrl-D ends the run.", width)


def describe(known: Command, width: int = COLUMNS) -> Iterator[str]:
    """Give the lines that explain a command, none wider than ``width``."""
    yield from _wrap(known.usage, width, 2)
    for line in (
        known.does,
        *(f"{field.name}: {field.kind}" for field in known.fields),
        f"the next command begins when {known.until}" if known.until else "",
        f"example: {known.example}",
    ):
        yield from _wrap(f"  {line}", width, 4) if line else ()


def _wrap(text: str, width: int, indent: int) -> list[str]:
    """Break a line; those after the first begin with blanks, as far as there is room for them."""
    return wrap(text, max(width, 2), subsequent_indent=" " * min(indent, width // 2), break_on_hyphens=False)
