"""The commands for people at a prompt: what there is, and how things stand."""

from __future__ import annotations

from bayou.master.grammar import OPTIONAL, BadLine, Command
from bayou.master.registry import PROMPT_COMMANDS, command
from bayou.master.vocabulary import COMMANDS
from bayou.node.messages import Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.master.run import Run

__all__ = ["PROMPT_COMMANDS"]


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
        width = max(len(known.usage) for known in everything.values())
        run.say(f"{known.usage:{width}}  {known.does}" for known in everything.values())
        run.say(["help COMMAND tells more. Ctrl-C gives up a command, Ctrl-D ends the run."])
    elif name in everything:
        run.say(describe(everything[name]))
    else:
        raise BadLine(f"there is no command {name!r}: help lists them")


@command(
    "status",
    does="shows servers, clients and connections, who is the primary, and what is tentative",
    until="it is printed",
    example="status",
    into=PROMPT_COMMANDS,
)
def status(run: Run) -> None:
    topology = run.topology
    servers = topology.servers
    pace = "free-running" if run.settings.free_running else "in lock-step"
    run.say(["paused: no anti-entropy" if run.paused else f"running {pace}"])
    answers = run.world.ask_all([(server, Watch()) for server in servers])
    for server, answer in zip(servers, answers, strict=True):
        if isinstance(answer, Status):
            connected = " ".join(map(str, topology.neighbours(server))) or "nobody"
            role = ", the primary" if answer.primary else ""
            state = f"{answer.csn} committed, {answer.tentative} tentative, connected to {connected}"
            run.say([f"server {server}{role}: {state}"])
    for client in topology.clients:
        own = topology.server_of(client)
        run.say([f"client {client}: {'has no server' if own is None else f'at server {own}'}"])
    if not servers:
        run.say(["no server has joined yet: joinServer 0"])


def describe(known: Command) -> Iterator[str]:
    """Give the lines that explain a command."""
    yield known.usage
    yield f"  {known.does}"
    for field in known.fields:
        yield f"  {field.name}: {field.kind}"
    yield f"  the next command begins when {known.until}"
    yield f"  example: {known.example}"
