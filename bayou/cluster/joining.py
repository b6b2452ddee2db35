"""What servers and clients of a cluster have in common before their loop begins."""

from __future__ import annotations

import random
import select
from time import monotonic

from bayou.net.address import look_up
from bayou.script.console import complain
from bayou.worlds.weather import Faults, Weather

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.cluster.config import Config
    from bayou.cluster.ending import Ending
    from bayou.net.address import Address

NAMES_S = 1.0
"""How long to wait before names of hosts that nobody knew are looked up again."""


def find_all(config: Config, ending: Ending, who: str) -> dict[int, Address]:
    """Return where the servers are, in numbers. A name that nobody knows may become known when its host is
    started, so it is asked for again until it is, or a signal says that it is time to end."""
    found: dict[int, Address] = {}
    told: dict[int, str] = {}
    while len(found) < len(config.servers) and ending.number is None:
        for id, place in enumerate(config.servers):
            if id in found:
                continue
            try:
                found[id] = look_up(place.host, place.port)
            except (OSError, UnicodeError) as error:  # UnicodeError: a text that can't be in any name
                why = f"{error.strerror if isinstance(error, OSError) else error}"
                if told.get(id) != why:
                    complain(
                        f"{who}: the host {place.host!r} of server {id} is not known ({why}); tries again"
                    )
                told[id] = why
        if len(found) < len(config.servers):
            select.select([ending.fd], [], [], NAMES_S)
    return found


def loser(config: Config, me: int) -> Callable[[int], bool] | None:
    """Return what decides, by the weather of the cluster, whether a message of ``me`` to a peer is lost; None
    where none is."""
    if not config.loss:
        return None
    weather = Weather(random.Random())
    weather.set(None, None, Faults(loss=config.loss))
    return lambda peer: not weather.arrivals(me, peer, monotonic(), 0.0)
