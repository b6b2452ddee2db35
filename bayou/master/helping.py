"""The commands for people at a prompt: what there is, how things stand, and goodbye."""

from __future__ import annotations

import os
from textwrap import wrap

from bayou.families.family import commands_of
from bayou.families.overview import commands_of_one, how_families_open, name_of, owned_commands
from bayou.families.prompting import say_status
from bayou.families.vocabulary import all_commands
from bayou.master.language import COMMANDS
from bayou.script.grammar import OPTIONAL, BadLine
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayou.families.overview import Owned
    from bayou.master.run import Run
    from bayou.script.grammar import Command

PROMPT = "prompt"

PROMPT_COMMANDS = Registry()
"""Further commands, for the prompt only."""

COLUMNS = 80
"""How wide a terminal is taken to be that does not say it."""

COLUMNS_FOR_TWO = 70
"""From which width on there is room for what a command does beside its name."""


class Quit(Exception):
    """The person at the prompt wants to leave."""


@PROMPT_COMMANDS.command(
    "help",
    ("COMMAND", OPTIONAL),
    does="lists the commands, or explains one",
    until="it is printed",
    example="help put",
    group=PROMPT,
)
def help_(run: Run, name: str) -> None:
    everything = owned_at_prompt(run)
    found = [owned for owned in everything if owned[1].name == name]
    if not name:
        run.say(list_all(everything, columns()))
    elif found:
        for owned in found:
            run.say(describe(owned, columns(), is_one_of_several=len(found) > 1))
    else:
        raise BadLine(f"there is no command {name!r}: help lists them")


@PROMPT_COMMANDS.command(
    "status",
    does="shows how things stand, as the nodes say themselves: who is connected to whom, what each has to do "
    "still, and who has crashed",
    until="it is printed, half a second later where somebody does not respond",
    example="status",
    group=PROMPT,
)
def status(run: Run) -> None:
    if run.system is None or run.family is None:
        run.say(["nothing has been started yet: help lists the commands"])
    else:
        say_status(run.family, run.system)


@PROMPT_COMMANDS.command(
    "quit",
    does="ends the run, and all its processes with it",
    until="",
    example="quit",
    group=PROMPT,
)
def quit_(run: Run) -> None:
    raise Quit


@PROMPT_COMMANDS.command(
    "exit",
    does="ends the run, as quit does",
    until="",
    example="exit",
    group=PROMPT,
)
def exit_(run: Run) -> None:
    raise Quit


# What there is.


def columns() -> int:
    """Return how wide the terminal is."""
    try:
        return os.get_terminal_size(1).columns or COLUMNS
    except OSError:
        return COLUMNS


def commands_at_prompt(run: Run) -> dict[str, Command]:
    """Return the commands that can be typed now: those of the family under test (of all families, until one
    is), then those that belong to all."""
    general = {**COMMANDS, **PROMPT_COMMANDS}
    if run.family is None:
        return all_commands(general)
    return {**commands_of(run.family).COMMANDS, **general}


def owned_at_prompt(run: Run) -> list[Owned]:
    """Return the same commands with the families that have them, one name as often as it means something
    else."""
    general = {**COMMANDS, **PROMPT_COMMANDS}
    return owned_commands(general) if run.family is None else commands_of_one(run.family, general)


def list_all(everything: Iterable[Owned], width: int) -> Iterator[str]:
    """Give the lines that list these commands, group by group, none wider than ``width``. Where they are of
    several families, groups bear the names of those."""
    known = list(everything)
    is_open = len(dict.fromkeys(owners for owners, _ in known if owners)) > 1
    groups: dict[str, list[Command]] = {}
    for owners, command in known:
        is_told = is_open and owners and owners != (command.group,)
        heading = f"{name_of(owners)}, {command.group}" if is_told else command.group
        groups.setdefault(heading, []).append(command)
    indent = 4 + max(len(command.usage) for _, command in known)
    for heading, commands in groups.items():
        yield from wrap(f"{heading}:", width)
        for each in commands:
            if width < COLUMNS_FOR_TWO:
                yield from _wrap(f"  {each.usage}", width, 2)
                yield from _wrap(f"    {each.does}", width, 4)
            else:
                yield from _wrap(f"  {each.usage:{indent - 4}}  {each.does}", width, indent)
    if is_open:
        yield from wrap(how_families_open(), width)
    yield from wrap("help COMMAND tells more. Ctrl-C gives up a command, Ctrl-D ends the run.", width)


def describe(owned: Owned, width: int = COLUMNS, *, is_one_of_several: bool = False) -> Iterator[str]:
    """Give the lines that explain a command, none wider than ``width``; of which family it is where other
    families mean something else by its name."""
    owners, known = owned
    yield from _wrap(known.usage, width, 2)
    for line in (
        f"in a scenario of the family {' or '.join(owners)}" if is_one_of_several else "",
        known.does,
        *(f"{field.name}: {field.kind.words}" for field in known.fields),
        f"the next command begins when {known.until}" if known.until else "",
        f"example: {known.example}",
    ):
        yield from _wrap(f"  {line}", width, 4) if line else ()


def _wrap(text: str, width: int, indent: int) -> list[str]:
    """Break a line; those after the first begin with blanks, as far as there is room for them."""
    return wrap(text, max(width, 2), subsequent_indent=" " * min(indent, width // 2), break_on_hyphens=False)
