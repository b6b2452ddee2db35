"""The one registry of commands: the grammar, ``help``, messages and the reference page come from it."""

from __future__ import annotations

from bayou.master.grammar import Command, Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS: dict[str, Command] = {}
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
