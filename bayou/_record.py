"""Small immutable records with typed fields: what dataclasses do, at a fraction of their import time.

A scenario of ten commands runs in a few tens of milliseconds, and ``import dataclasses`` alone would
add a third to that (docs/decisions/0002-start-time.md). Type checkers see ordinary dataclasses.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, NoReturn, Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:
        """Stand in for typing.dataclass_transform, which only type checkers need."""
        return lambda cls: cls


# What fills in so many fields, all of them given in their order: three times as fast as a loop, and nothing
# that has to be compiled for each class. Servers of a log make some twenty records for a command.


def _fill_1(a: str) -> Callable[..., None]:
    def fill(self: Any, *values: object, **named: object) -> None:
        if len(values) == 1 and not named:
            self.__dict__[a] = values[0]
        else:
            self._complete(values, named)

    return fill


def _fill_2(a: str, b: str) -> Callable[..., None]:
    def fill(self: Any, *values: object, **named: object) -> None:
        if len(values) == 2 and not named:
            fields = self.__dict__
            fields[a], fields[b] = values
        else:
            self._complete(values, named)

    return fill


def _fill_3(a: str, b: str, c: str) -> Callable[..., None]:
    def fill(self: Any, *values: object, **named: object) -> None:
        if len(values) == 3 and not named:
            fields = self.__dict__
            fields[a], fields[b], fields[c] = values
        else:
            self._complete(values, named)

    return fill


def _fill_4(a: str, b: str, c: str, d: str) -> Callable[..., None]:
    def fill(self: Any, *values: object, **named: object) -> None:
        if len(values) == 4 and not named:
            fields = self.__dict__
            fields[a], fields[b], fields[c], fields[d] = values
        else:
            self._complete(values, named)

    return fill


_FILLERS: dict[int, Callable[..., Callable[..., None]]] = {1: _fill_1, 2: _fill_2, 3: _fill_3, 4: _fill_4}


@dataclass_transform(frozen_default=True)
class Record:
    """Base of immutable records: annotate the fields in the class body, give defaults after them.

    Fields are positional or by keyword. Two records are equal where they are of the same class and
    all their fields are equal.
    """

    field_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        try:
            own = tuple(name for name, kind in cls.__annotations__.items() if not kind.startswith("ClassVar"))
        except (AttributeError, TypeError) as error:
            raise TypeError(
                f"annotations of {cls.__name__} are read as texts: its module has to begin with "
                "from __future__ import annotations"
            ) from error
        cls.field_names = (*cls.field_names, *own)
        if not TYPE_CHECKING and own and len(cls.field_names) in _FILLERS:
            cls.__init__ = _FILLERS[len(cls.field_names)](*cls.field_names)

    if not TYPE_CHECKING:

        def __init__(self, *values, **named):
            if named or len(values) != len(self.field_names):
                self._complete(values, named)
            else:
                self.__dict__.update(zip(self.field_names, values, strict=True))

    def _complete(self, values: tuple[object, ...], named: dict[str, object]) -> None:
        """Fill in defaults, and refuse what does not fit the fields (TypeError)."""
        names = self.field_names
        self.__dict__.update(zip(names, values, strict=False))
        open_names = names[len(values) :]
        if len(values) > len(names) or any(name not in open_names for name in named):
            raise TypeError(f"{type(self).__name__} takes {names}, not {values} with {named}")
        for name in open_names:
            if name not in named and not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} needs {name!r}")
            self.__dict__[name] = named[name] if name in named else getattr(type(self), name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: {name!r} can't be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: {name!r} can't be removed")

    def __deepcopy__(self, memo: object) -> Self:
        return self  # nobody changes a record, nor what it holds

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.field_names)
        return f"{type(self).__name__}({fields})"
