"""What nodes of the store are: told to a world that starts them, and by a master to their processes."""

from __future__ import annotations

from bayou.machine.messages import Message
from bayou.worlds.world import NodeSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.node.session import Guarantees
    from bayou.node.settings import Settings
else:

    def __getattr__(name):
        """Find the records that are seldom in a spec only when one is: start-up time counts."""
        if name == "Guarantees":
            from bayou.node.session import Guarantees

            return Guarantees
        if name == "Settings":
            from bayou.node.settings import Settings

            return Settings
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


MACHINES = "bayou.families.store.machines"


class BeServer(Message):
    """A server with these settings, None for the usual ones; ``has_wall_clock``: whether its stamps come from
    a hybrid clock; ``file``: the path of the file that it is kept in, empty where what it makes durable goes
    with the run; ``functions``: those that general writes may call there (bayou.families.store.functions).
    """

    settings: Settings | None = None
    paused: bool = False
    has_wall_clock: bool = False
    file: str = ""
    functions: str = ""


class BeClient(Message):
    """A client with a session that asks for these guarantees, None for all of them."""

    guarantees: Guarantees | None = None


def server_spec(server: int, be: BeServer) -> NodeSpec:
    """Return what a world has to know of a server."""
    return NodeSpec(server, f"server {server}", True, MACHINES, be)


def client_spec(client: int, guarantees: Guarantees | None = None) -> NodeSpec:
    """Return what a world has to know of a client; its session asks for all guarantees, or for these."""
    return NodeSpec(client, f"client {client}", False, MACHINES, BeClient(guarantees))
