"""Reading plain data of a trace: each function returns what it was given, or raises TypeError."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Name = tuple[int, ...]


def as_int(value: Any) -> int:
    """Return a number."""
    if type(value) is not int:
        raise TypeError(f"a {type(value).__name__} where a number is due")
    return value


def as_text(value: Any) -> str:
    """Return a text."""
    if type(value) is not str:
        raise TypeError(f"a {type(value).__name__} where a text is due")
    return value


def as_bool(value: Any) -> bool:
    """Return true or false."""
    if type(value) is not bool:
        raise TypeError(f"a {type(value).__name__} where true or false is due")
    return value


def as_list(value: Any) -> list[Any]:
    """Return a list."""
    if type(value) is not list:
        raise TypeError(f"a {type(value).__name__} where a list is due")
    return value


def as_object(value: Any) -> dict[str, Any]:
    """Return an object."""
    if type(value) is not dict:
        raise TypeError(f"a {type(value).__name__} where an object is due")
    return value


def as_name(value: Any) -> Name:
    """Return the name of a server, as stamps."""
    return tuple(map(as_int, as_list(value)))


def as_members(value: Any) -> tuple[Name, ...]:
    """Return the names of a group; ValueError where there is none, or one comes twice."""
    members = tuple(map(as_name, as_list(value)))
    if not members or len(set(members)) < len(members):
        raise ValueError("a group has members, each of them once")
    return members


def as_vector(value: Any) -> tuple[tuple[Name, int], ...]:
    """Return a version vector: the stamp of each server that it lists."""
    return tuple((as_name(name), as_int(stamp)) for name, stamp in map(as_list, as_list(value)))
