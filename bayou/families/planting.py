"""Bugs planted on purpose, for as long as it takes to see that they are found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from importlib import import_module

from bayou.core.errors import BayouError
from bayou.families import FAMILIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Patch:
    """Changes attributes, and puts back what was there."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def setattr(self, owner: Any, name: str, value: Any) -> None:
        """Change an attribute of a class or module."""
        self._before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put everything back."""
        while self._before:
            setattr(*self._before.pop())


Plant = Callable[[Patch], None]


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Plant a bug, by its name (see find_plant; None for none), as long as this context lasts.

    BayouError where it can't be planted.
    """
    patch = Patch()
    try:
        if name is not None:
            plant = find_plant(name)
            try:
                plant(patch)
            except Exception as error:  # somebody else's function may raise anything
                raise BayouError(f"{name!r} can't be planted: {type(error).__name__}: {error}") from error
        yield
    finally:
        patch.undo()


def find_plant(name: str) -> Plant:
    """Return what plants a bug: by its name among those of all families, or as MODULE:FUNCTION.

    BayouError where there is no such thing.
    """
    known = known_bugs().get(name)
    if known is not None:
        return known
    module_name, colon, function_name = name.partition(":")
    if not colon:
        raise BayouError(f"{name!r} is no known bug, and not MODULE:FUNCTION either")
    if "" not in sys.path:
        sys.path.insert(0, "")  # modules in the working directory are what people try this with
    try:
        plant: Plant = getattr(import_module(module_name), function_name)
    except Exception as error:  # an import runs somebody else's module, which may raise anything
        raise BayouError(f"{name!r} can't be planted: {type(error).__name__}: {error}") from error
    if not callable(plant):
        raise BayouError(f"{name!r} can't be planted: it is no function")
    return plant


def known_bugs() -> dict[str, Plant]:
    """Return the known bugs of all families that can be explored, by name, those that no campaign is expected
    to find included."""
    bugs: dict[str, Plant] = {}
    for family in FAMILIES.values():
        if family.has("exploring"):
            exploring = family.part("exploring")
            bugs |= {**exploring.BUGS, **exploring.OUT_OF_REACH}
    return bugs
