"""How a server leaves for good (Petersen '97, "Light-weight server creation and retirement"): the side of
the one that leaves. Those that inherit from it: bayou.node.inheriting.

The retiring server accepts its own retirement write, after which it accepts nothing more, and offers
all that it has: to every server connected to it, or while anti-entropy is paused to the one with the
lowest id. It leaves when they have confirmed.

A primary first asks the connected server with the lowest id to be its heir, and names it in the
retirement write, which it commits as its last. So the duty travels in the log (docs/decisions/0003):
whoever processes that commitment knows the next primary, the old one never commits again, and a
confirmation that is lost, or comes twice, changes nothing.
"""

from __future__ import annotations

from bayou.machine.effects import AGAIN
from bayou.machine.messages import Failed
from bayou.machine.patience import Patience
from bayou.node.inheriting import NO_TOKEN
from bayou.node.life import LEAVING, MEMBER, RETIRED
from bayou.node.messages import HAND_OVER, AskHeir, Declined, HandOver, Retired, TakenOver, Willing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.node.context import Context
    from bayou.node.exchange import Exchanges
    from bayou.node.inheriting import Inheriting
    from bayou.node.messages import Retire


class Retiring:
    """The side of a retirement that leaves: find an heir if there is a duty to leave behind, accept the
    retirement write, and hand over all that there is.

    Who has declined and who has confirmed counts whatever becomes of the connection to it meanwhile.
    """

    UNCOMPARED = ("_exchanges", "_patience", "_server", "_turn", "due")
    TAGS = ("_token",)

    def __init__(self, server: Context, exchanges: Exchanges, inheriting: Inheriting, retry_s: float) -> None:
        self._server = server
        self._exchanges = exchanges
        self._inheriting = inheriting
        self._patience = Patience(retry_s)
        self._order: int | None = None
        self._token = 0
        self._declined: dict[int, None] = {}
        self._heir: int | None = None
        self._asked: int | None = None
        self._offered: dict[int, None] = {}
        self._confirmed: dict[int, None] = {}
        self._turn = 0
        self.due: float | None = None

    # Inputs.

    def on_retire(self, order: int, _: Retire) -> None:
        """Begin, as the master ordered."""
        server = self._server
        if server.life.stage != MEMBER:
            server.answer(
                order, Failed("it is retiring already" if server.is_member else "it is no member yet")
            )
        elif not server.servers:
            server.answer(order, Failed("no other server is connected to hear of it"))
        elif server.is_bound:
            why = "it has consented to a change of the commit group that may still count"
            server.answer(order, Failed(why))
        else:
            server.life.enter(LEAVING)
            self._order = order
            self._token = server.new_token()
            self._proceed()

    def resume(self) -> None:
        """This server's own retirement write is in its log, though it has not retired since it started: it
        had before a crash. Go on from there."""
        self._server.life.enter(RETIRED)
        self._token = self._server.new_token()
        self.due = self._server.now

    def on_willing(self, peer: int, message: Willing) -> None:
        """The server asked is ready to be the heir: name it."""
        if self._is_answer(peer, message.token) and peer == self._asked and not self._has_retired:
            self._patience.renew()
            self._server.replica.mark()
            if self._server.replica.is_primary:
                self._heir = peer
                self._retire(message.heir)
            else:  # there was a change of the group among that
                self._asked = None
                self._proceed()

    def on_declined(self, peer: int, message: Declined) -> None:
        """A server can't take over: turn to another one."""
        if self._is_answer(peer, message.token) and (peer == self._asked or peer in self._offered):
            self._declined[peer] = None
            self._patience.renew()
            if peer in self._offered or not self._has_retired:
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

    def on_promises_settled(self) -> None:
        """Nobody is left whose heir this server has promised to be."""
        if self._server.life.is_leaving:
            self._proceed()

    def on_links_changed(self) -> None:
        """A server was connected or cut off: the circle of those who are to take over has changed."""
        if self._server.life.is_leaving and (self._has_retired or self._asked not in self._server.servers):
            self._patience.renew()
            self._proceed()

    def on_due(self) -> None:
        """Nothing came for a while: ask, or offer, again."""
        if self._server.servers:
            self._server.note(AGAIN, "to be the heir, or to take over")
        self._proceed()

    # How it works.

    @property
    def _has_retired(self) -> bool:
        return self._server.life.stage == RETIRED

    def _is_answer(self, peer: int, token: int) -> bool:
        """Whether this comes from a connected server, in answer to what it was asked or offered."""
        return self._server.life.is_leaving and token == self._token and peer in self._server.servers

    def _proceed(self) -> None:
        """Take the next step that can be taken."""
        if self._has_retired:
            self._offer()
        elif self._inheriting.promises:
            self._look_for_duty()
        elif self._server.replica.is_primary:
            self._ask_heir()
        elif self._is_needed:
            if self._server.replica.is_in_group:
                self._server.leave_group()
            self.due = self._server.now + self._patience.take()
        else:
            self._retire(None)

    @property
    def _is_needed(self) -> bool:
        """Whether the commit group needs this server: as a member, or as long as only few of the new members
        know that it is none any more."""
        replica, voting = self._server.replica, self._server.voting
        if voting is None:  # in the step in which it leaves the first group there is none yet
            return replica.is_in_group or replica.left is not None
        return replica.is_in_group or not voting.is_free

    def look(self) -> None:
        """Called after each input of a server that has heard of a commit group of several."""
        if self._waits_for_group and not self._is_needed:
            self._proceed()

    @property
    def _waits_for_group(self) -> bool:
        return self._server.life.stage == LEAVING and not self._inheriting.promises and self._asked is None

    def _look_for_duty(self) -> None:
        """This server has promised to be the heir of one that is not connected any more: it may have retired.
        Others may know: ask them in turn, paused or not, since this server can't leave before it knows."""
        servers, promises = self._server.servers, self._inheriting.promises
        self.due = self._server.now + self._patience.take()
        if servers and not any(peer.name in promises for peer in self._server.peers.all()):
            self._turn += 1
            self._exchanges.pull(servers[self._turn % len(servers)], HAND_OVER, NO_TOKEN)

    def _ask_heir(self) -> None:
        self._asked = min(self._candidates(), default=None)
        if self._asked is not None:
            self._server.send(self._asked, AskHeir(self._token, self._server.replica.name))
        self.due = self._server.now + self._patience.take()

    def _candidates(self) -> list[int]:
        """Return the connected servers that have not declined. Where all have, that is none, and next time
        all of them again."""
        candidates = [peer for peer in self._server.servers if peer not in self._declined]
        if not candidates:
            self._declined.clear()
        return candidates

    def _retire(self, heir: Name | None) -> None:
        """Accept the retirement write, which names the heir if this is the primary."""
        replica = self._server.replica
        replica.mark()
        self._exchanges.stop_receiving()
        replica.retire(heir)
        self._server.life.enter(RETIRED)
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

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        if not self._server.life.is_leaving:
            return []
        if self._inheriting.promises:
            return self._inheriting.waiting()
        if not self._server.servers:
            return ["waits for a server to be connected to it, to hand over to"]
        if not self._has_retired and self._asked is None:
            return ["waits until it is in no commit group, and half of the new one knows"]
        if not self._has_retired:
            return [f"waits for server {self._asked} to agree to be the next primary"]
        return [f"waits for server {peer} to take over" for peer in self._offered]
