"""Which commands there are, of which families, for those who explain them: help, and the reference."""

from __future__ import annotations

from bayou.families import FAMILIES
from bayou.families.family import commands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bayou.families import Family
    from bayou.script.grammar import Command

    Owners = tuple[str, ...]
    Owned = tuple[Owners, Command]
    Words = tuple[str, str, str, str, str]


def owned_commands(general: Mapping[str, Command]) -> list[Owned]:
    """Return all commands of all families, each with the names of the families that have it: one that several
    explain in the same words comes once. Those with the same families stand together, in the order of the
    families; ``general``, the commands that belong to all, come last, and have none."""
    owners: dict[Words, list[str]] = {}
    commands: dict[Words, Command] = {}
    for family in FAMILIES.values():
        for command in commands_of(family).COMMANDS.values():
            words = (command.usage, command.does, command.until, command.example, command.group)
            commands.setdefault(words, command)
            owners.setdefault(words, []).append(family.name)
    groups: dict[Owners, list[Owned]] = {}
    for words, names in owners.items():
        groups.setdefault(tuple(names), []).append((tuple(names), commands[words]))
    return [owned for group in groups.values() for owned in group] + commands_for_all(general)


def commands_of_one(family: Family, general: Mapping[str, Command]) -> list[Owned]:
    """Return the commands of a family, then those that belong to all."""
    own: list[Owned] = [((family.name,), command) for command in commands_of(family).COMMANDS.values()]
    return own + commands_for_all(general)


def commands_for_all(general: Mapping[str, Command]) -> list[Owned]:
    """Return commands that belong to all families."""
    return [((), command) for command in general.values()]


def name_of(owners: Owners) -> str:
    """Return what to call some families."""
    *others, last = owners
    return f"{', '.join(others)} and {last}" if others else last


def shared_names(owned: Iterable[Owned]) -> dict[str, list[Owned]]:
    """Return the names that mean something else in each of several families, with what they mean there."""
    named: dict[str, list[Owned]] = {}
    for owners, command in owned:
        named.setdefault(command.name, []).append((owners, command))
    return {name: meanings for name, meanings in named.items() if len(meanings) > 1}


def how_families_open() -> str:
    """Return a sentence that says which family a scenario is of."""
    first, *others = FAMILIES.values()
    parts: list[str] = []
    for family in others:
        for name, count in family.openers.items():
            parts.append(f"{name}{f' with {count} fields or more' if count else ''} is {family.name}")
        if not family.openers:
            parts.append(f"a command that only {family.name} has is {family.name}")
    return (
        "A scenario is of one family, which its first command tells: "
        f"{', '.join([*parts, f'anything else is {first.name}'])}."
    )
