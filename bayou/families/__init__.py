"""Families of scenarios: what can be put under test, each in a room of its own.

The line below names all that come with the package; nothing else outside a family's room knows of it.
"""

from __future__ import annotations

from bayou._lean import import_module
from bayou._record import Record
from bayou.core.errors import BayouError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Family(Record):
    """Where a family is found. ``package`` is the room with its modules (docs/families.md):

    - ``commands``, ``machines`` and ``options``, which every family has;
    - ``judging`` (rules for traces) and ``exploring`` (random scenarios), which ``bayou check`` and
      ``bayou explore`` need.

    A file whose first command is one of ``openers``, with so many fields at least, is of this family,
    whatever other families have a command of that name. A family without openers has all files that begin
    with a command of it, and the first family all others.
    """

    name: str
    package: str
    openers: Mapping[str, int] = {}

    @property
    def machines(self) -> str:
        """The name of the module with its machines."""
        return f"{self.package}.machines"

    @property
    def is_added(self) -> bool:
        """Whether it does not come with this package."""
        return not self.package.startswith("bayou.")

    def has(self, name: str) -> bool:
        """Whether there is such a module in the family's room."""
        from importlib.util import find_spec  # takes a while to import, and is seldom needed

        return find_spec(f"{self.package}.{name}") is not None

    def part(self, name: str) -> Any:
        """Return a module of the family's room; BayouError where it has none of that name."""
        module = f"{self.package}.{name}"
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise BayouError(f"the family {self.name} has no {name}: there is no module {module}") from error


FAMILIES: dict[str, Family] = {
    "store": Family("store", "bayou.families.store"),
    "chat": Family("chat", "bayou.families.chat", {"start": 2}),
    "locks": Family("locks", "bayou.families.locks", {"startLocks": 0}),
}
"""All families, by name. Where openers of several fit, the last one here goes first."""


def add(package: str) -> Family:
    """Add a family that does not come with this package: a Python package whose ``FAMILY`` is a Family.
    Return it, or the one of that package, or that name, that is there already; BayouError where there is
    none, or another one of that name."""
    for known in FAMILIES.values():
        if package in (known.package, known.name):
            return known
    try:
        family = import_module(package).FAMILY
    except (ImportError, AttributeError) as error:
        raise BayouError(f"{package!r} brings no family of scenarios: {error}") from error
    if not isinstance(family, Family) or family.package != package:
        raise BayouError(f"{package!r} brings no family of scenarios: its FAMILY is none")
    if family.name in FAMILIES:
        raise BayouError(f"there is a family {family.name} already")
    FAMILIES[family.name] = family
    return family


def find(name: object) -> Family:
    """Return the family of that name; BayouError where there is none."""
    if not isinstance(name, str) or name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise BayouError(
            f"there is no family {str(name)[:40]!r}: there are {known}; --family PACKAGE adds one"
        )
    return FAMILIES[name]
