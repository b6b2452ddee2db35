"""What a run takes of the configuration of a cluster: how many servers there are, and how patient they are.

The one place here that knows what stands in that file.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.families.log.commands import SERVERS_MAX
from bayou.families.log.fields import RATE_MAX
from bayou.families.log.settings import LogSettings, plain_of, settings_of
from bayou.running.arguments import settings_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Cluster(Record):
    """How many ``servers`` there are; ``loss``: the probability with which each message gets lost; the times
    in ``settings``."""

    servers: int
    loss: float
    settings: LogSettings


def read_cluster(path: str) -> Cluster:
    """Read a configuration as ``bayou chat config`` writes it: JSON with ``servers`` (a list), ``loss``,
    ``timeout_s``, ``heartbeat_s`` and ``election_s``, of which a run needs nothing but the first. BayouError
    where it can't be used."""
    from json import loads

    try:
        with open(path, "rb") as file:
            fields = loads(file.read())
        servers = len(fields["servers"])
        loss = fields.get("loss", 0.0)
        settings = _settings(fields)
    except OSError as error:
        raise BayouError(f"{path}: can't be read: {error.strerror}") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise BayouError(f"{path} is no configuration of a cluster: {error}") from error
    if not 1 <= servers <= SERVERS_MAX or type(loss) not in (int, float) or not 0 <= loss <= RATE_MAX:
        raise BayouError(f"{path}: 1 to {SERVERS_MAX} servers, and a loss from 0 to {RATE_MAX:g}")
    return Cluster(servers, float(loss), settings)


def _settings(fields: dict[str, Any]) -> LogSettings:
    known = plain_of(settings_for(fields["timeout_s"]) if "timeout_s" in fields else LogSettings())
    for name in ("heartbeat_s", "election_s"):
        if name in fields:
            known[name] = fields[name]
    return settings_of(known)
