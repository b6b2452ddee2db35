"""The one registry of commands: the grammar, ``help``, messages and the reference page come from it."""

from __future__ import annotations

from bayou.master.grammar import Command, Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

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
    into: dict[str, Command] = COMMANDS,
) -> Callable[..., Callable[..., None]]:
    """Register the function below as the handler of a command with these fields, (name, kind) pairs."""

    def register(handler: Callable[..., None]) -> Callable[..., None]:
        into[name] = Command(name, tuple(Field(*field) for field in fields), does, until, example, handler)
        return handler

    return register


def load_all() -> None:
    """Import all modules that register commands."""
    from importlib import import_module

    for module in FURTHER:
        import_module(module)
