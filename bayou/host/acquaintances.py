"""Who may be connected with: those of the same cluster, who speak the same, and are whom they were before."""

from __future__ import annotations

from bayou.wire.connection import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.wire.connection import Introduce

PROTOCOL = 1
"""The version of what servers and clients of a cluster say to each other."""


class Acquaintances:
    """Whom this end has met, and who it is itself, ``me``: see Identity. An end that does not know its
    cluster yet learns it from the first server that does."""

    def __init__(self, id: int, me: Identity) -> None:
        self.id = id
        self.me = me
        self._met: dict[Name, tuple[int, int]] = {}

    def refuse(self, peer: Introduce) -> str | None:
        """Return why there is to be no connection with this peer, None where nothing is against it."""
        who, me = peer.who, self.me
        if who is None:
            return "it belongs to no cluster that lasts"
        if who.protocol != PROTOCOL:
            return f"it knows version {who.protocol} of the messages, and this one version {PROTOCOL}"
        if who.cluster and me.cluster and who.cluster != me.cluster:
            return f"{OTHER_CLUSTER} {short(who.cluster)}, and this one to {short(me.cluster)}"
        if peer.id == self.id or (who.name is not None and who.name is me.name):
            if who.boot == me.boot:
                return SELF
            return f"two servers run on copies of one file, as {shown(who.name)}: end one of them for good"
        if who.name is None:
            return None
        starts, boot = self._met.get(who.name, (0, who.boot))
        if who.starts < starts:
            return (
                f"{shown(who.name)} runs on an older copy of its file: it was started {who.starts} times, "
                "and has "
                f"been met after {starts}"
            )
        if who.starts == starts and who.boot != boot:
            return (
                f"{shown(who.name)} is here already: two servers run on copies of one file; end one for good"
            )
        return None

    def meet(self, who: Identity) -> None:
        """Remember whom there is a connection with."""
        if who.name is not None and who.starts >= self._met.get(who.name, (0, 0))[0]:
            self._met[who.name] = who.starts, who.boot


SELF = "this is the server itself"
OTHER_CLUSTER = "it belongs to the cluster"


def short(cluster: str) -> str:
    """Return as much of a cluster's id as people need."""
    return f"{cluster[:8]}..."


def shown(name: Name | None) -> str:
    """Return a name for people."""
    return "a server without a name" if name is None else repr(name)
