"""Orders that concern the past of a server: its base, its log, its deletion marks, and a base that is coming
in (bayou.core.past)."""

from __future__ import annotations

from bayou.node.messages import DropIncoming, DropMarks, Fold, Shortened, Truncate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.replica import Replica

    OrderOfThePast = Fold | Truncate | DropMarks | DropIncoming

ORDERS = (Fold, Truncate, DropMarks, DropIncoming)


def carry_out(order: OrderOfThePast, replica: Replica) -> Shortened:
    """Do that to a replica, as far as there is something to be done; return what is kept then."""
    past = replica.past
    if isinstance(order, DropIncoming):
        replica.drop_incoming()
    elif isinstance(order, Fold):
        replica.fold(order.upto)
    elif isinstance(order, DropMarks):
        replica.drop_marks(past.base.csn if order.upto is None else order.upto)
    else:
        base = replica.fold()
        replica.truncate(base if order.upto is None else order.upto)
    return Shortened(past.omitted_csn, past.base.csn)
