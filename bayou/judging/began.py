"""The setup of a simulated run as the first event of its trace, from which `bayou replay` makes the same
world again."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.families import find
from bayou.trace.file import VERSION
from bayou.worlds.simulated import LATENCY_S
from bayou.worlds.simulated.setup import Setup
from bayou.worlds.weather import BEHIND_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.trace.file import Event

LEAST_S = 1e-6
"""The shortest time that a trace may ask for: with none at all between, virtual time would stand still."""

MOST_S = 1e6
SETTINGS = ("flush_s", "latency_s", "behind_s", "bug")


def began(setup: Setup) -> Event:
    """Return the first event of a trace of such a run."""
    settings: Event = {name: getattr(setup, name) for name in SETTINGS if getattr(setup, name) is not None}
    return {
        "event": "began",
        "version": VERSION,
        "world": "sim",
        "seed": setup.seed,
        "free_running": setup.free_running,
        "deadline_s": setup.patience_s,
        "families": setup.families,
        "settings": settings,
    }


def setup_of(began: Event) -> Setup:
    """Read the first event of a trace. ValueError, which says why, where it is none of a simulated run."""
    if began.get("event") != "began" or began.get("world") != "sim":
        raise ValueError("only a trace of the simulated world can be replayed; it begins with its settings")
    try:
        return _read(began)
    except KeyError as error:
        raise ValueError(f"the first event has no {error}") from error
    except TypeError as error:
        raise ValueError(f"the first event: {error}") from error


def with_functions(setup: Setup, path: str, family: str) -> Setup:
    """Return the same with the functions of that file, where one is given. ValueError where the setup names
    another file and none is given: it comes from elsewhere, and does not decide what is executed here."""
    plain = setup.families.get(family, {})
    named = plain.get("functions", "")
    if not path:
        if named and not named.startswith("<"):  # in these are those that come with the package
            raise ValueError(
                f"writes of this run call functions, of {named[:80]}: name that file, --functions FILE"
            )
        return setup
    values = {name: getattr(setup, name) for name in setup.field_names}
    families = {**setup.families, family: {**plain, "functions": path}}
    find(family).part("options").settings_of(families[family])
    return Setup(**{**values, "families": families})


def _read(began: Event) -> Setup:
    settings = _dict("settings", began.get("settings", {}))
    unknown = [name for name in settings if name not in SETTINGS]
    if began["version"] != VERSION or unknown:
        raise ValueError(f"it is of version {str(began['version'])[:20]}, with {unknown or 'other'} settings")
    free, seed = began["free_running"], began["seed"]
    if not isinstance(free, bool) or type(seed) is not int:
        raise TypeError("free_running is true or false, seed a whole number")
    families = _dict("families", began["families"])
    for name, plain in families.items():
        try:
            family = find(name)
        except BayouError as error:
            raise ValueError(str(error)) from error
        family.part("options").settings_of(_dict(name, plain))
    bug = settings.get("bug")
    if bug is not None and not isinstance(bug, str):
        raise TypeError("bug is a text")
    return Setup(
        seed,
        free,
        _seconds("deadline_s", began["deadline_s"]),
        families,
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


def _seconds(name: str, value: object) -> float:
    return _number(name, value, LEAST_S, MOST_S)


def _number(name: str, value: object, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{name} is a number from {least:g} to {most:g}")
    return value  # type: ignore[return-value]


def _dict(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} is an object")
    return value
