"""How servers that run freely keep each other up to date (Petersen '97, "Anti-entropy policies").

A server pulls from a partner periodically, with jitter so that servers fall out of step, and tells all
its neighbours when something new has come to it; whoever lacks that pulls it. News that gets lost costs
a period at most.

The primary commits what anti-entropy brought it at the end of a round: when it has pulled from every
server connected to it since the last of those writes came, so that what is older is likely to be there
too, or when the round takes too long.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.node.messages import GOSSIP, HAND_OVER, JOIN, News, Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.vector import VersionVector
    from bayou.node.context import Context, Randomness
    from bayou.node.exchange import Exchanges
    from bayou.node.messages import End

PARTNERS = ("random", "turn", "all")


class Habits(Record):
    """How a server gossips.

    - ``period_s``: how long from one periodic exchange to the next; ``jitter``: by what part of that,
      at random, it may be shorter or longer;
    - ``partners``: whom with: one at ``random``, each in ``turn``, or ``all`` every time;
    - ``round_s``: how long the primary waits to hear from everybody before it commits;
    - ``patience_s``: after how long without progress an exchange is begun again.
    """

    period_s: float = 0.1
    jitter: float = 0.3
    partners: str = "random"
    round_s: float = 2.0
    patience_s: float = 1.0


class Gossip:
    """The free-running side of a server. Does nothing while the server is paused or retiring."""

    def __init__(self, server: Context, exchanges: Exchanges, habits: Habits, rng: Randomness) -> None:
        self._server = server
        self._exchanges = exchanges
        self._habits = habits
        self._rng = rng
        self._turn = 0
        self._heard: dict[int, tuple[int, VersionVector]] = {}
        self._again: dict[int, None] = {}
        self._asked_at: dict[int, float] = {}
        self._round = 0
        self._unheard: dict[int, None] = {}
        self._period_due: float | None = None
        self._round_due: float | None = None

    @property
    def due(self) -> float | None:
        """When something is to be done, whatever comes in until then."""
        if self._period_due is None or self._round_due is None:
            return self._period_due if self._round_due is None else self._round_due
        return min(self._period_due, self._round_due)

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
        elif replica.is_primary:
            self._begin_round()
        for peer in self._server.servers:
            csn, vector = self._heard.get(peer, (-1, None))
            if csn < replica.csn or vector is None or not vector.covers(replica.vector):
                self._server.send(peer, News(replica.csn, replica.vector))

    def forget(self, peer: int) -> None:
        """The connection to ``peer`` is gone, or new: nothing is known of where it stands."""
        self._heard.pop(peer, None)
        self._again.pop(peer, None)
        if self._unheard.pop(peer, self) is None:
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
            self._end_round()
        if self._period_due is not None and now >= self._period_due:
            self._plan_period()
            replica = self._server.replica
            if self._round_due is None and replica.is_primary and replica.log.tentative:
                self._begin_round()  # a crash had ended the one that was going on
            for peer in self._partners():
                self._pull(peer)

    def on_news(self, peer: int, message: News) -> None:
        """``peer`` has something new: pull it, unless it is known here."""
        self._heard[peer] = (message.csn, message.vector)
        if self._is_on() and self._lacks(message.csn, message.vector):
            self._pull(peer)

    def pulled(self, key: int, peer: int, end: End) -> None:
        """An exchange is complete."""
        self._heard[peer] = (end.csn, end.vector)
        again = self._again.pop(peer, self) is None
        if key == self._round and self._unheard.pop(peer, self) is None:
            self._end_round_if_all_heard()
        if peer in self._unheard or again:
            self._pull(peer)

    def turned_away(self, peer: int) -> None:
        """``peer`` has nothing to tell at present: it is paused, or new; there will be news when it has."""
        self._again.pop(peer, None)
        if self._unheard.pop(peer, self) is None:
            self._end_round_if_all_heard()

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        return [f"waits to hear from server {peer} before it commits" for peer in self._unheard]

    # How it works.

    def _is_on(self) -> bool:
        return self._server.is_active and not self._server.paused

    def _stop(self) -> None:
        self._period_due = self._round_due = None
        self._unheard.clear()
        self._again.clear()

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

    def _lacks(self, csn: int, vector: VersionVector) -> bool:
        replica = self._server.replica
        return replica.csn < csn or not replica.vector.covers(vector)

    def _pull(self, peer: int) -> None:
        """Pull from a server, after the exchange with it that is going on, if there is one."""
        purpose = self._exchanges.purpose_from(peer)
        if purpose in (JOIN, HAND_OVER):
            return  # they see to it themselves that they get done
        now = self._server.now
        if purpose == GOSSIP:
            if now >= self._asked_at[peer] + self._habits.patience_s and self._exchanges.has_progressed(peer):
                self._asked_at[peer] = now
            if now < self._asked_at[peer] + self._habits.patience_s:
                self._again[peer] = None
                return
        self._asked_at[peer] = now
        self._exchanges.pull(peer, GOSSIP, self._round)

    def _begin_round(self) -> None:
        """Hear from every connected server before committing what has come."""
        self._round += 1
        self._unheard = dict.fromkeys(self._server.servers)
        if self._round_due is None:
            self._round_due = self._server.now + self._habits.round_s
        for peer in self._unheard:
            self._pull(peer)
        self._end_round_if_all_heard()

    def _end_round_if_all_heard(self) -> None:
        if self._round_due is not None and not self._unheard:
            self._end_round()

    def _end_round(self) -> None:
        self._round_due = None
        self._unheard.clear()
        self._server.replica.mark()


class Watching:
    """Tells the master where the server stands, when that is not what the master knows."""

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
        now = Status(replica.csn, replica.vector, tentative, replica.is_primary, replica.retired)
        if (known.csn, known.vector, known.tentative) != (now.csn, now.vector, now.tentative):
            self._watch = None
            self._server.answer(order, now)

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        return [] if self._watch is None else ["waits for writes that others have, or to commit its own"]
