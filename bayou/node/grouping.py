"""Changing the commit group (bayou.core.group): consent, and group writes.

Before a server accepts a group write that was made in epoch e, every newcomer that it names, and more than
half of all that it names, have **consented** to e: they do not retire before their epoch is a later one.
Otherwise a group could come to be whose members are leaving, and that could never decide anything. A change
that is given up holds those who consented until the next one.
"""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.group import BadGroup
from bayou.machine.messages import Done, Failed
from bayou.node.messages import Consent, GroupIs, GroupStand, Regroup, TellGroup
from bayou.node.records import ConsentGiven

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.messages import Message
    from bayou.node.context import Context


class Grouping:
    """What a server has to do with changes of the commit group."""

    UNCOMPARED = ("_server",)

    def __init__(self, server: Context) -> None:
        self._server = server
        self._consented = -1

    def restore(self, record: ConsentGiven) -> None:
        """Keep a consent that was given before a crash."""
        self._consented = record.epoch

    @property
    def is_bound(self) -> bool:
        """Whether it has consented to a change that may still count."""
        return self._consented >= self._server.replica.epoch

    def answer_to(self, order: Message) -> Message:
        """Carry out an order about the group, and return the answer."""
        if not self._server.is_active:
            return Failed("it is leaving, or no member yet")
        if isinstance(order, TellGroup):
            return self._tell()
        if isinstance(order, Consent):
            return self.consent(order.epoch)
        if isinstance(order, Regroup):
            return self._regroup(order)
        return Failed(f"{type(order).__name__} is no order about the group")

    def _tell(self) -> GroupIs:
        replica, voting = self._server.replica, self._server.voting
        stand = GroupStand(replica.epoch, replica.group, len(replica.log.tentative))
        is_free = not replica.is_in_group if voting is None else voting.is_free
        return GroupIs(stand, replica.boundary, self._server.votes, is_free, self.is_bound)

    def consent(self, epoch: int) -> Message:
        """Consent to a change that was made in this epoch, unless retiring, or beyond it."""
        server = self._server
        if server.life.is_leaving:
            return Failed("it is retiring")
        if server.replica.epoch > epoch:
            return Failed(f"it knows of a later group, of the epoch {server.replica.epoch}")
        if epoch > self._consented:
            self._consented = epoch
            server.remember(ConsentGiven(epoch))
        return Done()

    def _regroup(self, order: Regroup) -> Message:
        replica = self._server.replica
        replica.mark()  # as the primary, which it may not be any more then
        if order.epoch != replica.epoch:
            return Failed(f"it knows of a later group, of the epoch {replica.epoch}")
        try:
            if order.is_trial:
                replica.check_group(order.members)
            else:
                replica.regroup(order.members)
        except (BadGroup, PeerError) as error:
            return Failed(str(error))
        return Done()
