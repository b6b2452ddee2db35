"""Settings of the store read from plain data, which may come from a file that somebody wrote by hand."""

from __future__ import annotations

from bayou.families.store.settings import OF_THE_RUN, StoreSettings
from bayou.node.session import parse_guarantees
from bayou.node.settings import PARTNERS, Habits, Keep, Limits, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bayou._record import Record

LEAST_S = 1e-6
"""The shortest time that a trace may ask for where something comes back again and again: with none at all
between, virtual time would stand still."""

MOST_S = 1e6
MOST = 1 << 40
JITTER_MAX = 0.9

FROM_NOTHING = ("writes", "age_s", "marks")
"""What of the past may be kept not at all."""


def read_settings(plain: Mapping[str, Any]) -> StoreSettings:
    """Return the settings; ValueError or TypeError, which says why, where there is something else."""
    known = ("guarantees", "habits", "server", "data", "functions", "leader")
    unknown = [name for name in plain if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0][:20]!r} is no setting of the store")
    named = plain.get("guarantees", ["all"])
    if not isinstance(named, list):
        raise TypeError("guarantees are a list")
    guarantees = parse_guarantees(",".join(map(str, named)) or "none")
    habits = Habits(**_fields(Habits, _dict("habits", plain.get("habits", {}))))
    server = _dict("server", plain.get("server", {}))
    limits = Limits(**_fields(Limits, _dict("limits", server.get("limits", {}))))
    keep = None if server.get("keep") is None else _keep(_dict("keep", server["keep"]))
    others = {name: value for name, value in server.items() if name not in ("limits", "keep")}
    data = plain.get("data", "")
    if not isinstance(data, str):
        raise TypeError("data is the name of a directory")
    functions = plain.get("functions", "")
    if not isinstance(functions, str):
        raise TypeError("functions is the name of a file")
    leader = plain.get("leader", 0)
    if type(leader) is not int or leader < 0:
        raise ValueError("leader is a number of members, from 0 on")
    return StoreSettings(guarantees, habits, _server(limits, keep, others), data, functions, leader)


def _server(limits: Limits, keep: Keep | None, others: dict[str, Any]) -> Settings:
    return Settings(limits=limits, keep=keep, **_fields(Settings, others))


def _keep(plain: dict[str, Any]) -> Keep:
    """Return how much of its past a server keeps."""
    values = _fields(Keep, {name: value for name, value in plain.items() if name not in FROM_NOTHING})
    for name in FROM_NOTHING:
        value = values[name] = plain.get(name, getattr(Keep, name))
        if name == "age_s":
            _look_at(name, value, 0.0, MOST_S)
        elif name == "writes" and value is None:
            continue
        elif type(value) is not int or not 0 <= value <= MOST:
            raise TypeError(f"{name} is a whole number from 0 to {MOST}")
    return Keep(**values)


def _fields(kind: type[Record], plain: dict[str, Any]) -> dict[str, Any]:
    """Return values for fields of a record, each as its default is: a text, a whole number, or seconds."""
    values: dict[str, Any] = {}
    for name, value in plain.items():
        if name not in kind.field_names or name in OF_THE_RUN:
            raise ValueError(f"{name[:20]!r} is no setting here")
        default = getattr(kind, name)
        if name == "partners":
            if value not in PARTNERS or not isinstance(value, str):
                raise ValueError(f"partners are one of {', '.join(PARTNERS)}")
        elif name == "jitter":
            _look_at(name, value, 0.0, JITTER_MAX)
        elif type(default) is int:
            if type(value) is not int or not 1 <= value <= MOST:
                raise TypeError(f"{name} is a whole number from 1 to {MOST}")
        else:
            _look_at(name, value, LEAST_S, MOST_S)
        values[name] = value
    return values


def _look_at(name: str, value: object, least: float, most: float) -> None:
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{name} is a number from {least:g} to {most:g}")


def _dict(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} is an object")
    return value
