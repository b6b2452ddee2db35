"""Registries of commands: the grammar, ``help``, messages and the reference page come from them."""

from __future__ import annotations

from bayou.script.grammar import Command, Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.script.grammar import Kind


class Registry(dict[str, Command]):
    """Commands by name, in the order in which they are explained; all of one ``family``, or of none."""

    def __init__(self, family: str = "") -> None:
        super().__init__()
        self.family = family

    def command(
        self, name: str, *fields: tuple[str, Kind], does: str, until: str, example: str, group: str
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register the function below as the handler of a command with these fields, (name, kind) pairs.

        ValueError where there is such a command already.
        """

        def register(handler: Callable[..., None]) -> Callable[..., None]:
            if name in self:
                raise ValueError(f"there is a command {name!r} already")
            made = tuple(Field(*field) for field in fields)
            self[name] = Command(name, made, does, until, example, handler, group, self.family)
            return handler

        return register
