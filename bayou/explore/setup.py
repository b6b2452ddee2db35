"""What a simulated run is made of beside its commands: as records to make its world from, and as the plain
first event of its trace, from which `bayou replay` makes the same world again."""

from __future__ import annotations

from bayou._record import Record
from bayou.node.exchange import Limits
from bayou.node.gossip import PARTNERS, Habits
from bayou.node.server import Settings
from bayou.node.session import SHORT_NAMES, Guarantees, parse_guarantees
from bayou.trace.events import VERSION
from bayou.worlds.faults import BEHIND_S
from bayou.worlds.simulated import LATENCY_S, SimulatedWorld
from bayou.worlds.world import WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.trace.file import Event

LEAST_S = 1e-6
"""The shortest time that a trace may ask for where something comes back again and again: with none at all
between, virtual time would stand still."""

MOST_S = 1e6
MOST = 1 << 40


class Setup(Record):
    """All that a simulated run is made of beside its commands.

    ``patience_s``: how long a command may take, where it has no patience of its own; ``server``: None where
    the world's own defaults hold; ``flush_s``, ``latency_s`` and ``behind_s``: see SimulatedWorld; ``bug``:
    planted on purpose (bayou.explore.bugs).
    """

    seed: int = 0
    guarantees: Guarantees = Guarantees()
    free_running: bool = False
    patience_s: float = 30.0
    habits: Habits | None = None
    server: Settings | None = None
    flush_s: float = 0.0
    latency_s: float = LATENCY_S
    behind_s: float = BEHIND_S
    bug: str | None = None

    def world(
        self, *, check: bool = False, verbose: bool = False, kind: type[SimulatedWorld] = SimulatedWorld
    ) -> SimulatedWorld:
        """Make the world; ``check`` walks all invariants of a node after each of its steps, ``verbose``
        lets it tell of each exchange."""
        return kind(
            WorldSettings(self.guarantees, self.patience_s, verbose, self.habits),
            seed=self.seed,
            server_settings=self.server,
            check=check,
            flush_s=self.flush_s,
            latency_s=self.latency_s,
            behind_s=self.behind_s,
        )

    def with_bug(self, bug: str | None) -> Setup:
        """Return the same with this bug planted, None for none."""
        values = {name: getattr(self, name) for name in self.field_names}
        return Setup(**{**values, "bug": bug})

    def began(self) -> Event:
        """Return the first event of a trace of such a run."""
        habits = self.habits or Habits()
        chosen = [name for name, field in SHORT_NAMES.items() if getattr(self.guarantees, field)]
        times = ("flush_s", "latency_s", "behind_s")
        settings: Event = {name: getattr(self, name) for name in times}
        if self.server is not None:
            settings["server"] = _plain(self.server)
        if self.bug is not None:
            settings["bug"] = self.bug
        return {
            "event": "began",
            "version": VERSION,
            "world": "sim",
            "seed": self.seed,
            "guarantees": chosen,
            "free_running": self.free_running,
            "gossip_period_s": habits.period_s,
            "partners": habits.partners,
            "deadline_s": self.patience_s,
            "settings": settings,
        }


def setup_of(began: Event, versions: tuple[int, ...] = (VERSION,)) -> Setup:
    """Read the first event of a trace, of one of these versions. ValueError, which says why, where it is none
    of a simulated run."""
    if began.get("event") != "began" or began.get("world") != "sim":
        raise ValueError("only a trace of the simulated world can be replayed; it begins with its settings")
    try:
        return _read(began, versions)
    except KeyError as error:
        raise ValueError(f"the first event has no {error}") from error
    except TypeError as error:
        raise ValueError(f"the first event: {error}") from error


def _read(began: Event, versions: tuple[int, ...]) -> Setup:
    settings = _dict("settings", began.get("settings", {}))
    unknown = [name for name in settings if name not in ("flush_s", "latency_s", "behind_s", "server", "bug")]
    if type(began["version"]) is not int or began["version"] not in versions or unknown:
        raise ValueError(f"it is of version {str(began['version'])[:20]}, with {unknown or 'other'} settings")
    free, seed = began["free_running"], began["seed"]
    if not isinstance(free, bool) or type(seed) is not int or not isinstance(began["guarantees"], list):
        raise TypeError("free_running is true or false, seed a whole number, guarantees a list")
    habits = None
    if free:
        period_s = _seconds("gossip_period_s", began["gossip_period_s"])
        habits = Habits(period_s, partners=_partners(began["partners"]))
    server = None
    if "server" in settings:
        server = _settings(settings["server"])
        habits = server.habits or habits
    bug = settings.get("bug")
    if bug is not None and not isinstance(bug, str):
        raise TypeError("bug is a text")
    return Setup(
        seed,
        parse_guarantees(",".join(map(str, began["guarantees"])) or "none"),
        free,
        _seconds("deadline_s", began["deadline_s"]),
        habits,
        server,
        _number("flush_s", settings.get("flush_s", 0.0), 0.0, MOST_S),
        _seconds("latency_s", settings.get("latency_s", LATENCY_S)),
        _seconds("behind_s", settings.get("behind_s", BEHIND_S)),
        bug,
    )


def patience_of(command: Event, setup: Setup) -> float:
    """Return how long this ``command`` event of a trace had: its own ``patience_s``, or the run's."""
    return _seconds("patience_s", command.get("patience_s", setup.patience_s))


def with_patience(event: Event, patience_s: float, setup: Setup) -> Event:
    """Return the event of a trace, where it is a command with the patience that it had, if that is not the
    run's."""
    if event["event"] != "command" or patience_s == setup.patience_s:
        return event
    return {**event, "patience_s": patience_s}


# Records as plain data, and back.


def _plain(record: Record) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in record.field_names}
    return {name: _plain(value) if isinstance(value, Record) else value for name, value in values.items()}


def _settings(given: object) -> Settings:
    plain = _dict("server", given)
    parts: dict[str, Any] = {"limits": Limits(**_fields(Limits, _dict("limits", plain.get("limits", {}))))}
    if plain.get("habits") is not None:
        parts["habits"] = Habits(**_fields(Habits, _dict("habits", plain["habits"])))
    offset_s = plain.get("wall_offset_s")
    if offset_s is not None:
        parts["wall_offset_s"] = _number("wall_offset_s", offset_s, 0.0, MOST_S)
    others = {
        name: value for name, value in plain.items() if name not in ("limits", "habits", "wall_offset_s")
    }
    return Settings(**parts, **_fields(Settings, others))


def _fields(kind: type[Record], plain: dict[str, Any]) -> dict[str, Any]:
    """Return values for fields of a record, each as its default is: a text, a whole number, or seconds. A
    field that is not there keeps its default; one that the record has not is an error."""
    values: dict[str, Any] = {}
    for name, value in plain.items():
        if name not in kind.field_names:
            raise ValueError(f"{name[:20]!r} is no setting here")
        default = getattr(kind, name)
        if name == "partners":
            values[name] = _partners(value)
        elif name == "jitter":
            values[name] = _number(name, value, 0.0, 0.9)
        elif type(default) is bool:
            if type(value) is not bool:
                raise TypeError(f"{name} is true or false")
            values[name] = value
        elif type(default) is int:
            if type(value) is not int or not 1 <= value <= MOST:
                raise TypeError(f"{name} is a whole number from 1 to {MOST}")
            values[name] = value
        else:
            values[name] = _seconds(name, value)
    return values


def _seconds(name: str, value: object) -> float:
    return _number(name, value, LEAST_S, MOST_S)


def _number(name: str, value: object, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{name} is a number from {least:g} to {most:g}")
    return value  # type: ignore[return-value]


def _partners(value: object) -> str:
    if value not in PARTNERS or not isinstance(value, str):
        raise ValueError(f"partners are one of {', '.join(PARTNERS)}")
    return value


def _dict(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} is an object")
    return value
