"""How a server changes the commit group by itself: it brings the consents that a group write needs
(bayou.node.grouping) from the servers connected to it, for an operator or because it is about to retire.

A member that is to retire leaves the group first. Its place goes to the connected server with the lowest id
that is no member and consents, or to nobody. It retires when it has seen that it is no member any more, and
that half of the new group knows (bayou.node.retiring); where another change was committed before its own, it
begins afresh.
"""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.group import BadGroup, majority
from bayou.machine.effects import AGAIN
from bayou.machine.messages import Done, Failed
from bayou.machine.patience import Patience
from bayou.node.messages import AskConsent, Consented, Declined, SetGroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name, ServerNames
    from bayou.node.context import Context
    from bayou.node.grouping import Grouping

TRIES_MAX = 4
"""How often consents are asked for before an operator is told who has not answered: he waits."""


class Plan:
    """A change that is waiting for consents: who is to be in the group, since which epoch, and who has said
    what. ``order``: that of the operator who wants it, None where this server is leaving."""

    __slots__ = ("consented", "declined", "epoch", "members", "order", "token", "tries")

    TAGS = ("token",)

    def __init__(self, order: int | None, members: ServerNames, epoch: int, token: int) -> None:
        self.order = order
        self.members = members
        self.epoch = epoch
        self.token = token
        self.consented: dict[Name, None] = {}
        self.declined: dict[Name, None] = {}
        self.tries = 0


class Regrouping:
    """The changes of the group that this server makes, one at a time."""

    UNCOMPARED = ("_grouping", "_patience", "_server", "due")

    def __init__(self, server: Context, grouping: Grouping, retry_s: float) -> None:
        self._server = server
        self._grouping = grouping
        self._patience = Patience(retry_s)
        self._plan: Plan | None = None
        self._unwilling: dict[Name, None] = {}
        self._unwilling_in = 0
        self._written: int | None = None
        self.due: float | None = None

    # What is wanted.

    def on_set(self, order: int, wanted: SetGroup) -> None:
        """An operator wants these servers to be the group."""
        server, replica = self._server, self._server.replica
        try:
            group = replica.check_group(wanted.members)
        except (BadGroup, PeerError) as error:
            server.answer(order, Failed(str(error)))
            return
        if wanted.epoch is not None and wanted.epoch != replica.epoch:
            server.answer(order, Failed("the group has been changed meanwhile: look at it again"))
            return
        if not server.is_active or server.life.is_leaving:
            server.answer(order, Failed("this server is leaving"))
            return
        away = [name for name in group.members if name not in replica.group and self._peer_of(name) is None]
        away = [name for name in away if name is not replica.name]
        if away:
            server.answer(order, Failed(f"{away[0]} is new in the group, and not connected to this server"))
            return
        self._give_up("another change was asked for")
        self._begin(order, group.members)

    def leave(self) -> None:
        """Leave the group, as this server is about to retire. Called again and again until it is in none, and
        when connections change: whoever was to take its place may be gone."""
        plan, epoch = self._plan, self._server.replica.epoch
        if self._written == epoch or (plan is not None and plan.order is not None):
            return
        if self._unwilling_in != epoch:
            self._unwilling_in, self._unwilling = epoch, {}
        members = self._without_itself()
        if plan is None or plan.members != members:
            self._begin(None, members)

    def _without_itself(self) -> ServerNames:
        """Return who is to be in the group when this server has left it. Members that are leaving too stay in
        it where the others can do without their consent; otherwise they would wait for each other for
        ever."""
        replica = self._server.replica
        staying = [name for name in replica.group if name is not replica.name]
        taking = [
            name
            for peer in self._server.servers
            if (name := self._server.peers.of(peer).name) is not None
            and name not in replica.group
            and name not in self._unwilling
            and replica.vector.completed(name) != 0
        ][:1]
        members = sorted([*staying, *taking])
        willing = [name for name in members if name not in self._unwilling]
        return tuple(members if len(willing) >= majority(len(members)) or not willing else willing)

    # What comes in.

    def on_ask_consent(self, peer: int, message: AskConsent) -> None:
        """Another server brings the consents for a change."""
        answer = self._grouping.consent(message.epoch)
        is_given = isinstance(answer, Done)
        self._server.send(peer, Consented(message.token) if is_given else Declined(message.token))

    def on_consented(self, peer: int, message: Consented) -> None:
        """A server has consented."""
        plan, name = self._plan, self._server.peers.of(peer).name
        if plan is not None and plan.token == message.token and name in plan.members and name is not None:
            plan.consented[name] = None
            self._go_on(plan)

    def on_declined(self, peer: int, message: Declined) -> None:
        """A server has not: it is retiring, or knows of a later group."""
        plan, name = self._plan, self._server.peers.of(peer).name
        if plan is None or plan.token != message.token or name is None:
            return
        if plan.order is None:
            self._unwilling[name] = None
            self.leave()
            return
        plan.declined[name] = None
        enough = majority(len(plan.members))
        if name not in self._server.replica.group or len(plan.members) - len(plan.declined) < enough:
            self._give_up(f"{name} does not consent: it is retiring, or knows of a later group")

    def look(self) -> None:
        """Called after each input: a change for an epoch that is over is made afresh, or not at all; and
        whoever leaves accepts none for an operator any more."""
        plan, server = self._plan, self._server
        if plan is None:
            return
        if plan.epoch != server.replica.epoch:
            self._give_up("the group has been changed meanwhile")
        elif plan.order is not None and server.life.is_leaving:
            self._give_up("this server is leaving")

    def on_due(self) -> None:
        """Ask those again who have not answered."""
        plan = self._plan
        if plan is None:
            self.due = None
            return
        plan.tries += 1
        if plan.order is not None and plan.tries >= TRIES_MAX:
            missing = [name for name in plan.members if name not in plan.consented]
            self._give_up(
                f"no consent of {', '.join(map(str, missing))}: too few are connected to this server"
            )
            return
        self._server.note(AGAIN, "to consent to a change of the group")
        self._ask(plan)

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        plan = self._plan
        if plan is None:
            return []
        return [f"waits for {name} to consent" for name in plan.members if name not in plan.consented]

    # How it works.

    def _begin(self, order: int | None, members: ServerNames) -> None:
        server, replica = self._server, self._server.replica
        plan = self._plan = Plan(order, members, replica.epoch, server.new_token())
        self._patience.renew()
        if replica.name in members and isinstance(self._grouping.consent(plan.epoch), Done):
            plan.consented[replica.name] = None
        self._ask(plan)
        self._go_on(plan)

    def _ask(self, plan: Plan) -> None:
        for peer in self._server.servers:
            name = self._server.peers.of(peer).name
            if name in plan.members and name not in plan.consented:
                self._server.send(peer, AskConsent(plan.token, plan.epoch))
        self.due = self._server.now + self._patience.take()

    def _go_on(self, plan: Plan) -> None:
        """Accept the group write where enough have consented."""
        replica = self._server.replica
        newcomers = [name for name in plan.members if name not in replica.group]
        if len(plan.consented) < majority(len(plan.members)) or any(
            name not in plan.consented for name in newcomers
        ):
            return
        replica.mark()
        if plan.epoch != replica.epoch:
            self.look()
            return
        self._plan, self.due = None, None
        self._written = plan.epoch
        replica.regroup(plan.members)
        if plan.order is not None:
            self._server.answer(plan.order, Done())

    def _give_up(self, why: str) -> None:
        plan, self._plan, self.due = self._plan, None, None
        if plan is not None and plan.order is not None:
            self._server.answer(plan.order, Failed(why))

    def _peer_of(self, name: Name) -> int | None:
        return next((peer for peer in self._server.servers if self._server.peers.of(peer).name is name), None)
