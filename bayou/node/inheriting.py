"""How a server inherits from one that retires: the other side of bayou.node.retiring.

Whoever is offered all that a retiring server has pulls it, and confirms that it has it.

Whoever a primary asks to be its heir promises not to retire before it has the duty. That promise is made
durable, and is kept until the one that it was given to has retired: whoever it named in its retirement write.
"""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.vector import RETIRED
from bayou.node.messages import HAND_OVER, AskHeir, Declined, HandOver, TakenOver, Willing
from bayou.node.records import Promised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.node.context import Context
    from bayou.node.exchange import Exchanges

NO_TOKEN = -1
"""The key of an exchange that looks for a duty, and which nobody waits to have confirmed."""


class Inheriting:
    """The side of a retirement that takes over.

    ``promises``: the names of those whose heir it has promised to be. There can be several: one that asked in
    vain, and whose duty went elsewhere, and the one to which it went.
    """

    UNCOMPARED = ("_exchanges", "_peers", "_server")

    def __init__(self, server: Context, exchanges: Exchanges) -> None:
        self._server = server
        self._peers = server.peers
        self._exchanges = exchanges
        self.promises: dict[Name, None] = {}

    def restore_promise(self, asker: Name) -> None:
        """Keep a promise given before a crash."""
        self.promises[asker] = None

    def on_ask_heir(self, peer: int, message: AskHeir) -> None:
        """Promise to take over the primary's duty, unless retiring, or unable to carry out its writes."""
        server, at = self._server, self._peers.of(peer)
        if at.name is None:
            at.name = message.asker
        elif at.name is not message.asker:
            raise PeerError(f"it is {at.name}, and asks as {message.asker} for an heir")
        if not server.is_active or at.lacks is not None:
            server.send(peer, Declined(message.token))
            return
        if message.asker not in self.promises and server.replica.primary is not message.asker:
            # A promise to somebody who never has the duty would keep this server here for good. So it is
            # given to the primary alone; who was cut off may have to hear from the asker that it is that.
            if not self._exchanges.take_progress(peer, HAND_OVER, message.token):
                at.doubted = message
                self._exchanges.pull(peer, HAND_OVER, message.token)
            return
        at.doubted = None
        if message.asker not in self.promises:
            server.remember(Promised(message.asker))
        self.promises[message.asker] = None
        server.send(peer, Willing(message.token, server.replica.name))

    def on_hand_over(self, peer: int, message: HandOver) -> None:
        """Take over all that a retiring server has, unless retiring too."""
        server = self._server
        if not server.is_active:
            server.send(peer, Declined(message.token))
            return
        self._peers.of(peer).doubted = None
        if not self._exchanges.take_progress(peer, HAND_OVER, message.token):
            self._exchanges.pull(peer, HAND_OVER, message.token)

    def pulled(self, token: int, peer: int) -> None:
        """All has been taken over: confirm it. The primary commits it at once, paused or not."""
        replica = self._server.replica
        replica.mark()
        at = self._peers.of(peer)
        doubted, at.doubted = at.doubted, None
        if doubted is not None and doubted.token == token:
            if replica.primary is doubted.asker:
                self.on_ask_heir(peer, doubted)
            else:
                self._server.send(peer, Declined(token))
        elif token != NO_TOKEN:
            self._server.send(peer, TakenOver(token, replica.csn, replica.vector))

    def lacks(self, token: int, peer: int) -> None:
        """What is to be taken over needs a function that is missing here: decline."""
        self._peers.of(peer).doubted = None
        if token != NO_TOKEN:
            self._server.send(peer, Declined(token))

    def settle_promises(self) -> bool:
        """Called after each input: forget promises to servers that have retired by now. Return whether the
        last one was forgotten."""
        if not self.promises:
            return False
        vector = self._server.replica.vector
        kept = {asker: None for asker in self.promises if vector.completed(asker) != RETIRED}
        if len(kept) < len(self.promises):
            self.promises = kept
        return not kept

    def waiting(self) -> list[str]:
        """Return what a server that wants to leave waits for before it can, a line each."""
        at = {peer.name: id for id, peer in self._peers.items()}
        return [
            f"waits for server {at.get(name, name)} to retire, whose duty it promised to take over"
            for name in self.promises
        ]
