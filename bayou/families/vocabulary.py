"""Which command a word stands for: all families have some, and the first one tells the family of a file."""

from __future__ import annotations

from bayou.families import FAMILIES
from bayou.families.family import commands_of
from bayou.script.grammar import BadLine, shorten, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bayou.families import Family
    from bayou.script.grammar import Command


class OtherFamily(BadLine):
    """A command of another family than that of the file, which is ``chosen`` from here on."""

    def __init__(self, why: str, chosen: Family) -> None:
        self.chosen = chosen
        super().__init__(why)


def find_command(
    words: Sequence[str], general: Mapping[str, Command], family: Family | None
) -> tuple[Command, Family | None]:
    """Return the command that the words on a line stand for, and the family that the file is of from here on.

    ``general``: the commands that belong to all families; ``family``: that of the file, None where it is open
    still. BadLine where there is no such command; OtherFamily where it is one of another family.
    """
    name = words[0]
    if name in general:
        return general[name], family
    chosen = family or _opened_by(words)
    known = {} if chosen is None else commands_of(chosen).COMMANDS
    if chosen is not None and name in known:
        return known[name], chosen
    if chosen is None:
        raise unknown(name, all_commands(general))
    others = [other for other in FAMILIES.values() if name in commands_of(other).COMMANDS]
    if others:
        raise OtherFamily(_why_not(shorten(name), others[0], chosen, is_first=family is None), chosen)
    raise unknown(name, {**known, **general})


def _why_not(name: str, other: Family, chosen: Family, *, is_first: bool) -> str:
    if not is_first:
        return (
            f"{name} is a command of the family {other.name}, and the first command here was one of the "
            f"family {chosen.name}"
        )
    openers = " or ".join(commands_of(other).COMMANDS[opener].usage for opener in other.openers)
    return (
        f"{name} is a command of the family {other.name}, and a file of that begins with {openers}: without, "
        f"it is one of the family {chosen.name}"
    )


def _opened_by(words: Sequence[str]) -> Family | None:
    """Return the family that a file is of whose first command this is, None where it is of none."""
    family = opened_at_once_by(words)
    if family is not None:
        return family
    name, families = words[0], list(FAMILIES.values())
    for family in families:  # the commands of others are not even imported: start-up time counts
        if not family.openers and name in commands_of(family).COMMANDS:
            return family
    is_known = any(name in commands_of(family).COMMANDS for family in families)
    return families[0] if is_known else None


def opened_at_once_by(words: Sequence[str]) -> Family | None:
    """Return the family of which a file certainly is whose first command this is, for which no commands have
    to be known; None where that takes a closer look."""
    name, count = words[0], len(words) - 1
    for family in reversed(FAMILIES.values()):
        if count >= family.openers.get(name, count + 1):
            return family
    return None


def all_commands(general: Mapping[str, Command]) -> dict[str, Command]:
    """Return the commands of all families, by name, then those that belong to all; of one name the first."""
    commands: dict[str, Command] = {}
    for family in FAMILIES.values():
        for name, command in commands_of(family).COMMANDS.items():
            commands.setdefault(name, command)
    return {**commands, **general}
