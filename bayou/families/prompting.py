"""What a person at a prompt needs of a system: the module ``prompting`` of its family, where it has one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.families import Family
    from bayou.families.family import System


def take_stock(family: Family, system: System) -> None:
    """Make the map agree with what the nodes say of themselves, and tell what has changed in it."""
    if family.has("prompting"):
        _prompting(family).take_stock(system)
    else:
        system.is_in_doubt = False


def tell_what_came_late(family: Family, system: System) -> None:
    """Tell how requests went that had been given up."""
    if family.has("prompting"):
        _prompting(family).tell_what_came_late(system)


def say_status(family: Family, system: System) -> None:
    """Show a person how things stand."""
    if family.has("prompting"):
        _prompting(family).say_status(system)
    else:
        system.stage.say([f"{len(system.nodes)} nodes of the family {family.name} are up"])


def _prompting(family: Family) -> Any:
    return family.part("prompting")
