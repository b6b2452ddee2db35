"""The one registry of commands: the grammar, ``help``, messages and the reference page come from it."""

from __future__ import annotations

from bayou.master.grammar import Command, Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SYSTEM = "system"
CONNECTIONS = "connections"
ANTI_ENTROPY = "anti-entropy"
STORE = "store"
FAULTS = "faults"
LANGUAGE = "language"
PROMPT = "prompt"
GROUPS = (SYSTEM, CONNECTIONS, ANTI_ENTROPY, STORE, FAULTS, LANGUAGE, PROMPT)
"""Under which headings ``help`` lists commands, in this order."""

GROUP_OF_MODULE = {
    "bayou.master.language": LANGUAGE,
    "bayou.master.faults": FAULTS,
    "bayou.master.helping": PROMPT,
}
"""The group of a command that names none."""

FURTHER = ("bayou.master.language", "bayou.master.faults")
"""Modules that register more commands, imported when one is asked for: most scenarios need none of them, and
start-up time counts (docs/decisions/0002-start-time.md)."""


class Registry(dict[str, Command]):
    """Commands by name. One that is missing is looked for in FURTHER first."""

    def __missing__(self, name: str) -> Command:
        load_all()
        if name in self:
            return self[name]
        raise KeyError(name)


COMMANDS = Registry()
"""The commands of scenarios, by name, in the order in which they are explained."""

PROMPT_COMMANDS: dict[str, Command] = {}
"""Further commands, for the prompt only."""


def command(
    name: str,
    *fields: tuple[str, str],
    does: str,
    until: str,
    example: str,
    group: str | None = None,
    into: dict[str, Command] = COMMANDS,
) -> Callable[..., Callable[..., None]]:
    """Register the function below as the handler of a command with these fields, (name, kind) pairs."""

    def register(handler: Callable[..., None]) -> Callable[..., None]:
        made = tuple(Field(*field) for field in fields)
        heading = group or GROUP_OF_MODULE[handler.__module__]
        into[name] = Command(name, made, does, until, example, handler, heading)
        return handler

    return register


def load_all() -> None:
    """Import all modules that register commands."""
    from importlib import import_module

    for module in FURTHER:
        import_module(module)
