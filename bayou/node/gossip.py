"""How servers that run freely keep each other up to date (Petersen '97, "Anti-entropy policies").

A server pulls from a partner periodically, with jitter so that servers fall out of step, and tells all
its neighbours when something new has come to it; whoever lacks that pulls it. News that gets lost costs
a period at most.

The primary commits what anti-entropy brought it at the end of a round: when it has pulled from every
server connected to it since those writes came, so that what is older is likely to be there too, or when the
round takes too long. A round in which something more comes is begun anew, but once only: where writes never
cease to come, each would take too long. Whoever was waited for in vain is not waited for again before it has
been heard from: it may hang, or be a program that is busy with something else. So does the leader of a commit
group propose it; a vote that changes is news like a write.
"""

from __future__ import annotations

from bayou.node.messages import GOSSIP, HAND_OVER, JOIN, News, NotNow, Status, Watch
from bayou.node.peers import NO_SERIAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.machine import Randomness
    from bayou.node.context import Context
    from bayou.node.exchange import Exchanges
    from bayou.node.messages import End
    from bayou.node.settings import Habits


class Gossip:
    """The free-running side of a server. Does nothing while the server is paused or retiring."""

    UNCOMPARED = ("_again_due", "_exchanges", "_habits", "_peers", "_period_due", "_rng", "_server", "_turn")

    def __init__(self, server: Context, exchanges: Exchanges, habits: Habits, rng: Randomness) -> None:
        self._server = server
        self._peers = server.peers
        self._exchanges = exchanges
        self._habits = habits
        self._rng = rng
        self._turn = 0
        self._round = 0
        self._period_due: float | None = None
        self._round_due: float | None = None
        self._is_renewed = False
        self._again_due: float | None = None

    @property
    def due(self) -> float | None:
        """When something is to be done, whatever comes in until then."""
        due = self._period_due
        for other in (self._round_due, self._again_due):
            if due is None or (other is not None and other < due):
                due = other
        return due

    # What the server tells.

    def moved(self) -> None:
        """Called after each input that changed the replica, and when gossip may go on again."""
        if not self._is_on():
            self._stop()
            return
        if self._period_due is None:
            self._plan_period()
        replica = self._server.replica
        if not replica.log.tentative:
            self._end_round()
        elif self._may_commit() and not self._is_renewed:
            self._begin_round()
        voting = self._server.voting
        for peer in self._server.servers:
            heard = self._peers.of(peer).heard
            if (
                heard is None
                or heard.csn < replica.csn
                or not heard.vector.covers(replica.vector)
                or (voting is not None and voting.is_ahead_of(heard.votes))
            ):
                votes = () if voting is None else voting.progress()
                self._server.send(peer, News(replica.csn, replica.vector, votes))

    def on_link_changed(self, peer: int) -> None:
        """The connection to ``peer`` is gone, or new: nothing is known of where it stands."""
        self._end_round_if_all_heard()
        if self._is_on() and peer in self._server.servers:
            if self._period_due is None:
                self._plan_period()
            self._pull(peer)

    def wake(self) -> None:
        """The server is back after a crash: there may be something to commit, whoever is connected."""
        self._period_due = self._server.now

    def pause(self) -> None:
        """Anti-entropy stops: what is still on its way is not taken in."""
        self._exchanges.stop_receiving(GOSSIP)
        self._stop()

    def resume(self) -> None:
        """Anti-entropy goes on again."""
        self.moved()
        if self._is_on():
            for peer in self._server.servers:
                self._pull(peer)

    def on_due(self) -> None:
        """A period is over, or a round has taken long enough."""
        if not self._is_on():
            self._stop()
            return
        now = self._server.now
        if self._round_due is not None and now >= self._round_due:
            for at in self._peers.all():
                at.is_slow = at.is_slow or at.is_unheard
            self._end_round()
        if self._again_due is not None and now >= self._again_due:
            self._ask_again()
        if self._period_due is not None and now >= self._period_due:
            self._plan_period()
            replica = self._server.replica
            if self._round_due is None and self._may_commit() and replica.log.tentative:
                self._begin_round()  # a crash had ended the one that was going on
            for peer in self._partners():
                self._pull(peer)

    def on_news(self, peer: int, message: News) -> None:
        """``peer`` has something new: pull it, unless it is known here."""
        self._peers.of(peer).heard = message
        if self._is_on() and self._lacks(message):
            self._pull(peer)

    def pulled(self, key: int, peer: int, end: End) -> None:
        """An exchange is complete."""
        at = self._peers.of(peer)
        voting = self._server.voting
        votes = () if voting is None else voting.progress(end.votes)
        at.heard = News(end.csn, end.vector, votes)
        again, at.is_wanted_again = at.is_wanted_again, False
        at.is_slow = False
        at.given_up, at.patience = NO_SERIAL, max(1, at.patience // 2)
        if key == self._round:
            at.is_unheard = False
            self._end_round_if_all_heard()
        if at.is_unheard or again:
            self._pull(peer)

    def on_not_now(self, peer: int, message: NotNow) -> None:
        """``peer`` has nothing to tell at present: it is paused, or new; there will be news when it has."""
        if not self._exchanges.give_up(peer, message.serial):
            return
        at = self._peers.of(peer)
        at.is_wanted_again = at.is_unheard = False
        self._end_round_if_all_heard()

    def lacks(self, peer: int) -> None:
        """``peer`` has a write that can't be carried out here: nobody waits for it before it is asked
        again."""
        at = self._peers.of(peer)
        at.is_wanted_again = at.is_unheard = False
        self._again_due = at.ask_after if self._again_due is None else min(self._again_due, at.ask_after)
        self._end_round_if_all_heard()

    def _ask_again(self) -> None:
        """The rest of somebody is over whose writes called what was missing here."""
        self._again_due, now = None, self._server.now
        for peer in self._server.servers:
            at = self._peers.of(peer)
            if at.lacks is None:
                continue
            if now >= at.ask_after:
                self._pull(peer)
            elif self._again_due is None or at.ask_after < self._again_due:
                self._again_due = at.ask_after

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        unheard = [id for id, peer in self._peers.items() if peer.is_unheard]
        return [f"waits to hear from server {id} before it commits" for id in unheard]

    # How it works.

    def _is_on(self) -> bool:
        return self._server.is_active and not self._server.paused

    def _stop(self) -> None:
        self._period_due = self._round_due = self._again_due = None
        self._is_renewed = False
        for peer in self._peers.all():
            peer.is_unheard = peer.is_wanted_again = False

    def _plan_period(self) -> None:
        habits = self._habits
        share = self._rng.getrandbits(32) / (1 << 31) - 1  # from -1 to 1
        self._period_due = self._server.now + habits.period_s * (1 + habits.jitter * share)

    def _partners(self) -> list[int]:
        servers = self._server.servers
        if not servers or self._habits.partners == "all":
            return list(servers)
        if self._habits.partners == "turn":
            self._turn += 1
            return [servers[self._turn % len(servers)]]
        return [servers[self._rng.getrandbits(32) % len(servers)]]

    def _may_commit(self) -> bool:
        """Whether it is this server's part to commit what is tentative, or to propose that."""
        voting = self._server.voting
        return self._server.replica.is_primary or (voting is not None and voting.may_propose)

    def _lacks(self, news: News) -> bool:
        replica, voting = self._server.replica, self._server.voting
        if replica.csn < news.csn or not replica.vector.covers(news.vector):
            return True
        return voting is not None and voting.lacks(news.votes)

    def _pull(self, peer: int) -> None:
        """Pull from a server, after the exchange with it that is going on, if there is one."""
        purpose = self._exchanges.purpose_from(peer)
        if self._server.is_full or purpose in (JOIN, HAND_OVER):
            return  # they see to it themselves that they get done
        at, now = self._peers.of(peer), self._server.now
        patience_s = self._habits.patience_s * at.patience
        if at.lacks is not None and now < at.ask_after:
            at.is_unheard = False
            return
        if purpose == GOSSIP:
            if now >= at.asked_at + patience_s and self._exchanges.take_progress(peer, GOSSIP):
                at.asked_at = now
            if now < at.asked_at + patience_s:
                at.is_wanted_again = True
                return
            if at.given_up == NO_SERIAL:
                at.given_up = self._exchanges.serial_from(peer)
        at.asked_at = now
        self._exchanges.pull(peer, GOSSIP, self._round)

    def _begin_round(self) -> None:
        """Hear from every connected server before committing what has come."""
        self._round += 1
        if self._round_due is None:
            self._round_due = self._server.now + self._habits.round_s
        else:
            self._is_renewed = True
        servers = self._server.servers
        for peer in servers:
            at = self._peers.of(peer)
            at.is_unheard = not at.is_slow
        for peer in servers:
            self._pull(peer)
        self._end_round_if_all_heard()

    def _end_round_if_all_heard(self) -> None:
        if self._round_due is not None and not any(peer.is_unheard for peer in self._peers.all()):
            self._end_round()

    def _end_round(self) -> None:
        """Commit what has come, heard from everybody or not, if this is the primary."""
        self._is_renewed = False
        if self._round_due is not None:
            self._round_due = None
            for peer in self._peers.all():
                peer.is_unheard = False
        if not self._server.is_unsure:
            self._server.replica.mark()
            if self._server.voting is not None:
                self._server.voting.propose()


class Watching:
    """Tells the master where the server stands, when that is not what the master knows."""

    UNCOMPARED = ("_server",)

    def __init__(self, server: Context) -> None:
        self._server = server
        self._watch: tuple[int, Watch] | None = None

    def on_watch(self, order: int, watch: Watch) -> None:
        """The master wants to know, once it differs from what it knows."""
        self._watch = (order, watch)
        self.look()

    def look(self) -> None:
        """Called after each input that changed the replica."""
        if self._watch is None:
            return
        order, known = self._watch
        replica = self._server.replica
        tentative = len(replica.log.tentative)
        stand = self._server.stand
        now = Status(replica.csn, replica.vector, tentative, replica.is_primary, replica.retired, stand)
        if (known.csn, known.vector, known.tentative) != (now.csn, now.vector, now.tentative):
            self._watch = None
            self._server.answer(order, now)

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        return [] if self._watch is None else ["waits for writes that others have, or to commit its own"]
