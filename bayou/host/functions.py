"""Where the functions come from that general writes call (bayou.core.functions): a file, a module, or a list.

A file is executed afresh each time it is loaded, under a name of its own: whatever it keeps to itself, no two
servers of one process share.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from types import ModuleType

from bayou.core.errors import BayouError
from bayou.core.functions import MARKED, Functions, marks_of
from bayou.host.guard import Guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from typing import Any

    from bayou.core.functions import Function

    Known = Mapping[tuple[str, int], Function]
    Source = str | PathLike[str] | ModuleType | Iterable[Function]
    """What functions are taken from: the path of a Python file, a module, or functions as they are."""

HOW = '@bayou.merge("name", 1) before a function lets writes call it'

_numbers = count(1)


class FunctionsError(BayouError):
    """There are no functions to be had from somewhere: says where, why, and what to do."""


def found(source: Source) -> dict[tuple[str, int], Function]:
    """Return the functions that a file, a module or a list has, by name and version; FunctionsError where it
    has none, or two of the same name and version, or can't be loaded."""
    if isinstance(source, str | os.PathLike):
        return load(os.fspath(source))
    if isinstance(source, ModuleType):
        place = getattr(source, "__file__", None) or f"the module {source.__name__}"
        return _collected(_marked(vars(source).values()), place)
    functions = list(source)
    for function in functions:
        if not marks_of(function):
            raise FunctionsError(f"{function!r} has no name that writes could call it by: {HOW}")
    return _collected(functions, "the list of functions", may_be_empty=True)


def load(path: str) -> dict[tuple[str, int], Function]:
    """Return the functions in a Python file, by name and version; FunctionsError."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise FunctionsError(f"{path} can't be read: {error.strerror}: name a Python file") from error
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise FunctionsError(f"{path}:{error.lineno or 1}: {error.msg}: mend the file") from error
    except ValueError as error:
        raise FunctionsError(f"{path}:1: {error}: it is no Python file") from error
    module = ModuleType(f"bayou_functions_{next(_numbers)}")
    module.__file__ = path
    marked: list[Any] = []
    vars(module)[MARKED] = marked
    sys.modules[module.__name__] = module  # as some of what a file may use looks there for it
    try:
        exec(code, vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        line = _line_within(path, error)
        raise FunctionsError(f"{path}:{line}: {type(error).__name__}: {error}: mend the file") from error
    return _collected([*marked, *_marked(vars(module).values())], path)


def functions_of(known: Known | None, *, ends_process: bool = True) -> Functions | None:
    """Return what a server has to know of the functions that it has; None where it has none. None of them
    runs for ever: see bayou.host.guard for ``ends_process``."""
    return Functions(known, Guard(ends_process=ends_process)) if known else None


def _marked(things: Iterable[object]) -> list[Any]:
    return [thing for thing in things if marks_of(thing)]


def _collected(
    functions: Iterable[Any], place: str, *, may_be_empty: bool = False
) -> dict[tuple[str, int], Function]:
    known: dict[tuple[str, int], Any] = {}
    for function in functions:
        for name, version in marks_of(function):
            other = known.setdefault((name, version), function)
            if other is not function:
                raise FunctionsError(
                    f"{place}:{_line_of(function)}: a second function {name} {version}; the first one is in "
                    f"line {_line_of(other)}: give it another name, or the next version"
                )
    if not known and not may_be_empty:
        raise FunctionsError(f"{place}: there is no function in it that writes could call: {HOW}")
    return known


def _line_of(function: Any) -> int:
    code = getattr(function, "__code__", None)
    return 1 if code is None else int(code.co_firstlineno)


def _line_within(path: str, error: BaseException) -> int:
    """Return the last line of a file that led to an error."""
    line, at = 1, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == path:
            line = at.tb_lineno
        at = at.tb_next
    return line
