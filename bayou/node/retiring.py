"""How a server leaves for good (Petersen '97, "Light-weight server creation and retirement"), and
how the primary's duty moves on.

The retiring server accepts its own retirement write, after which it accepts nothing more, and offers
all that it has: to every server connected to it, or while anti-entropy is paused to the one with the
lowest id. It leaves when they have confirmed.

A primary first asks the connected server with the lowest id to be its heir, and names it in the
retirement write, which it commits as its last. So the duty travels in the log (docs/decisions/0003):
whoever processes that commitment knows the next primary, the old one never commits again, and a
confirmation that is lost, or comes twice, changes nothing. The heir has promised not to retire before
it has the duty.
"""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.vector import RETIRED
from bayou.node.effects import AGAIN
from bayou.node.messages import HAND_OVER, AskHeir, Declined, Failed, HandOver, Retired, TakenOver, Willing
from bayou.node.patience import Patience
from bayou.node.records import Promised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.node.context import Context
    from bayou.node.exchange import Exchanges
    from bayou.node.messages import Retire


NO_TOKEN = -1
"""The key of an exchange that looks for a duty, and which nobody waits to have confirmed."""


class Retiring:
    """Both sides of a retirement: the one that leaves, and the ones that take over."""

    def __init__(self, server: Context, exchanges: Exchanges, retry_s: float) -> None:
        self._server = server
        self._exchanges = exchanges
        self._patience = Patience(retry_s)
        self._order: int | None = None
        self._is_leaving = False
        self._token = 0
        self._declined: dict[int, None] = {}
        self._heir: int | None = None
        self._asked: int | None = None
        self._offered: dict[int, None] = {}
        self._confirmed: dict[int, None] = {}
        self._promised: dict[Name, None] = {}
        self._doubted: dict[int, AskHeir] = {}
        self._turn = 0
        self.due: float | None = None

    # The one that leaves.

    def on_retire(self, order: int, _: Retire) -> None:
        """Begin, as the master ordered."""
        server = self._server
        if not server.is_active or self._is_leaving:
            server.answer(
                order, Failed("it is retiring already" if server.is_member else "it is no member yet")
            )
        elif not server.servers:
            server.answer(order, Failed("no other server is connected to hear of it"))
        else:
            self._order = order
            self._is_leaving = True
            self._token = server.new_token()
            self._proceed()

    def resume(self) -> None:
        """Go on after a crash, which came after this server's own retirement write."""
        self._is_leaving = True
        self._token = self._server.new_token()
        self.due = self._server.now

    def restore_promise(self, asker: Name) -> None:
        """Keep a promise given before a crash."""
        self._promised[asker] = None

    def _proceed(self) -> None:
        """Take the next step that can be taken."""
        if self._server.replica.retired:
            self._offer()
        elif self._promised:
            self._look_for_duty()
        else:
            if self._server.replica.is_primary:
                self._ask_heir()
            else:
                self._retire(None)

    def _look_for_duty(self) -> None:
        """Whoever was promised an heir is gone, cut off perhaps after it had retired: others may know, and
        this server can't leave before it does, paused or not."""
        servers = self._server.servers
        self.due = self._server.now + self._patience.take()
        if servers and not any(name in self._promised for name in self._server.names.values()):
            self._turn += 1
            self._exchanges.pull(servers[self._turn % len(servers)], HAND_OVER, NO_TOKEN)

    def _ask_heir(self) -> None:
        self._asked = min(self._candidates(), default=None)
        if self._asked is not None:
            self._server.send(self._asked, AskHeir(self._token, self._server.replica.name))
        self.due = self._server.now + self._patience.take()

    def _candidates(self) -> list[int]:
        """The connected servers that have not declined; all again where everyone has."""
        candidates = [peer for peer in self._server.servers if peer not in self._declined]
        if not candidates:
            self._declined.clear()
        return candidates

    def _retire(self, heir: Name | None) -> None:
        self._exchanges.stop_receiving()
        self._server.replica.retire(heir)
        self._offer()

    def _offer(self) -> None:
        """Offer all to whoever is to have it and has not confirmed; leave where nobody is left.

        The heir comes first, alone.
        """
        server = self._server
        candidates = [peer for peer in self._candidates() if peer not in self._confirmed]
        if self._heir in candidates:
            candidates = [self._heir]
        elif server.paused:
            candidates = [] if self._confirmed else candidates[:1]
        if not candidates and self._confirmed:
            self._leave()
            return
        self._offered = dict.fromkeys(candidates)
        for peer in candidates:
            server.send(peer, HandOver(self._token))
        self.due = server.now + self._patience.take()

    def _leave(self) -> None:
        order, self.due = self._order, None
        if order is not None:
            self._server.answer(order, Retired(self._heir))
        self._server.leave()

    def on_willing(self, peer: int, message: Willing) -> None:
        """The server asked is ready to be the heir: name it."""
        if self._is_answer(peer, message.token) and peer == self._asked and not self._server.replica.retired:
            self._heir = peer
            self._patience.renew()
            self._retire(message.heir)

    def on_declined(self, peer: int, message: Declined) -> None:
        """A server can't take over: turn to another one."""
        if self._is_answer(peer, message.token) and (peer == self._asked or peer in self._offered):
            self._declined[peer] = None
            self._patience.renew()
            if peer in self._offered or not self._server.replica.retired:
                self._proceed()

    def on_taken_over(self, peer: int, message: TakenOver) -> None:
        """A server has taken over: hold it to its word."""
        replica = self._server.replica
        if not self._is_answer(peer, message.token) or peer not in self._offered:
            return
        if message.csn >= replica.csn and message.vector.covers(replica.vector):
            self._patience.renew()
            del self._offered[peer]
            self._confirmed[peer] = None
            if not self._offered:
                self._offer()

    def _is_answer(self, peer: int, token: int) -> bool:
        return self._is_leaving and token == self._token and peer in self._server.servers

    def on_links_changed(self) -> None:
        """A server was connected or cut off: the circle of those who are to take over has changed."""
        if self._is_leaving and (self._server.replica.retired or self._asked not in self._server.servers):
            self._patience.renew()
            self._proceed()

    def on_due(self) -> None:
        """Nothing came for a while: ask, or offer, again."""
        if self._server.servers:
            self._server.note(AGAIN, "to be the heir, or to take over")
        self._proceed()

    # The ones that take over.

    def on_ask_heir(self, peer: int, message: AskHeir) -> None:
        """Promise to take over the primary's duty, unless retiring."""
        server = self._server
        if server.names.setdefault(peer, message.asker) is not message.asker:
            raise PeerError(f"it is {server.names[peer]}, and asks as {message.asker} for an heir")
        if not server.is_active:
            server.send(peer, Declined(message.token))
            return
        if message.asker not in self._promised and server.replica.primary is not message.asker:
            # A promise to somebody who never has the duty would keep this server here for good. So it is
            # given to the primary alone; who was cut off may have to hear from the asker that it is that.
            if not self._exchanges.is_progressing(peer, HAND_OVER, message.token):
                self._doubted[peer] = message
                self._exchanges.pull(peer, HAND_OVER, message.token)
            return
        self._doubted.pop(peer, None)
        if message.asker not in self._promised:
            server.remember(Promised(message.asker))
        self._promised[message.asker] = None
        server.send(peer, Willing(message.token, server.replica.name))

    def on_hand_over(self, peer: int, message: HandOver) -> None:
        """Take over all that a retiring server has, unless retiring too."""
        server = self._server
        if not server.is_active:
            server.send(peer, Declined(message.token))
            return
        self._doubted.pop(peer, None)
        if not self._exchanges.is_progressing(peer, HAND_OVER, message.token):
            self._exchanges.pull(peer, HAND_OVER, message.token)

    def pulled(self, token: int, peer: int) -> None:
        """All has been taken over: confirm it. The primary commits it at once, paused or not."""
        replica = self._server.replica
        replica.mark()
        doubted = self._doubted.pop(peer, None)
        if doubted is not None and doubted.token == token:
            if replica.primary is doubted.asker:
                self.on_ask_heir(peer, doubted)
            else:
                self._server.send(peer, Declined(token))
        elif token != NO_TOKEN:
            self._server.send(peer, TakenOver(token, replica.csn, replica.vector))

    def keep_promise(self) -> None:
        """Called after each input: are the servers to which promises were given gone by now? There can be
        several: one that asked in vain, and whose duty went elsewhere, and came here from there."""
        if not self._promised:
            return
        vector = self._server.replica.vector
        kept = {asker: None for asker in self._promised if vector.completed(asker) != RETIRED}
        if len(kept) < len(self._promised):
            self._promised = kept
            if self._is_leaving and not kept:
                self._proceed()

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        if not self._is_leaving:
            return []
        if self._promised:
            at = {name: peer for peer, name in self._server.names.items()}
            return [
                f"waits for server {at.get(name, name)} to retire, whose duty it promised to take over"
                for name in self._promised
            ]
        if not self._server.servers:
            return ["waits for a server to be connected to it, to hand over to"]
        if not self._server.replica.retired:
            return [f"waits for server {self._asked} to agree to be the next primary"]
        return [f"waits for server {peer} to take over" for peer in self._offered]
