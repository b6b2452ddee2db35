"""Asking a server in a client's session."""

from __future__ import annotations

from bayou.machine.messages import Failed, Probe
from bayou.node.messages import NO_SERVER, OK, Did, Do
from bayou.script.grammar import BadLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.store.system import StoreSystem
    from bayou.node.messages import Ask


def server_of(system: StoreSystem, client: int) -> int:
    """Return the server that a client talks to; BadLine where it talks to none that is up."""
    server = system.topology.server_of(client)
    if server is None:
        raise BadLine(f"client {client} has no server: give it one with restoreConnection")
    if system.topology.kind(server) != "server":
        raise BadLine(f"its server {server} has crashed: restartServer {server} brings it back")
    return server


def ask_server(system: StoreSystem, client: int, ask: Ask) -> Did:
    """Have a client ask its server, and return how that went."""
    server = server_of(system, client)
    answer = system.world.ask(client, Do(ask))
    if isinstance(answer, Failed) and answer.why == NO_SERVER:
        # A client may notice the death of its server before the master does. A server that lives answers; for
        # one that does not, the world says how it ended.
        system.world.ask(server, Probe())
    return system.require(answer, Did)


def settle_write(system: StoreSystem, client: int, did: Did) -> None:
    """After a write: let it spread, or tell that it was dropped."""
    server = system.topology.server_of(client)
    if did.verdict != OK:
        system.stage.tell(f"dropped: server {server} can't keep the session's guarantees")
    elif server is not None:
        system.settle([server])
