"""What servers and clients of a cluster have in common: where everybody is, and what gets lost on purpose."""

from __future__ import annotations

import os
import random
import select
from time import monotonic

from bayou.net.address import look_up
from bayou.script.console import complain
from bayou.worlds.weather import Faults, Weather

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bayou.cluster.config import Config
    from bayou.cluster.ending import Ending
    from bayou.host.site import Site
    from bayou.net.address import Address

AGAIN_S = 1.0
"""How long to wait before names of hosts that nobody knew are looked up again."""


class Hosts:
    """Finds out where servers are, by the names of their hosts.

    A name that nobody knows may become known once its host is started, so it is looked up again and again.
    That may take seconds each time: a thread does it, while the others are talked to already.
    """

    def __init__(self, config: Config, who: str) -> None:
        self._config = config
        self._who = who
        self._told: dict[int, str] = {}

    def wait_for(self, id: int, ending: Ending) -> Address | None:
        """Return where one server is, as soon as that can be found out; None where a signal comes first."""
        while ending.number is None:
            address = self._look_up(id)
            if address is not None:
                return address
            select.select([ending.fd], [], [], AGAIN_S)
        return None

    def dial(self, ids: Iterable[int], site: Site) -> None:
        """Let a site connect to these servers, each as soon as it is known where it is."""
        late = []
        for id in ids:
            address = self._look_up(id)
            if address is None:
                late.append(id)
            else:
                site.dial(id, address)
        if late:
            self._look_up_late(late, site)

    def _look_up_late(self, ids: list[int], site: Site) -> None:
        from threading import Thread  # seldom needed

        found: list[tuple[int, Address]] = []
        heard, rung = os.pipe2(os.O_CLOEXEC)

        def look() -> None:
            left = ids
            while left:
                select.select([], [], [], AGAIN_S)
                addresses = [(id, self._look_up(id)) for id in left]
                found.extend([(id, address) for id, address in addresses if address is not None])
                if len(found):
                    os.write(rung, b"!")
                left = [id for id, address in addresses if address is None]

        def hear() -> None:
            os.read(heard, 64)
            while found:
                site.dial(*found.pop(0))

        site.network.watch(heard, hear)
        Thread(target=look, daemon=True).start()

    def _look_up(self, id: int) -> Address | None:
        """Return where a server is; None, of which a person is told once, where nobody knows."""
        place = self._config.servers[id]
        try:
            return look_up(place.host, place.port)
        except (OSError, UnicodeError) as error:  # UnicodeError: a text that can't be in any name
            why = str(error.strerror if isinstance(error, OSError) else error)
        if self._told.get(id) != why:
            complain(f"{self._who}: the host {place.host!r} of server {id} is not known ({why}); tries again")
        self._told[id] = why
        return None


def loser(config: Config, me: int) -> Callable[[int], bool] | None:
    """Return what decides, by the weather of the cluster, whether a message of ``me`` to a peer is lost; None
    where none is."""
    if not config.loss:
        return None
    weather = Weather(random.Random())
    weather.set(None, None, Faults(loss=config.loss))
    return lambda peer: not weather.arrivals(me, peer, monotonic(), 0.0)
