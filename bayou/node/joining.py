"""How a new server becomes a member (Petersen '97, "Light-weight server creation and retirement"), seen
from both sides."""

from __future__ import annotations

from bayou.core.name import ROOT
from bayou.core.vector import LiveVector
from bayou.machine.effects import AGAIN
from bayou.machine.messages import Failed
from bayou.machine.patience import Patience
from bayou.node.life import ASKING, NAMED, NEW
from bayou.node.messages import JOIN, Create, Created, Declined, Join, Joined
from bayou.node.records import Aiming, Asking, CreatedFor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.errors import MissingFunction
    from bayou.core.name import Name
    from bayou.core.write import Write
    from bayou.node.context import Context
    from bayou.node.exchange import Exchanges

CREATIONS_KEPT = 1024
"""How many answers to requests for a name are remembered, in case one is sent again."""


class Joining:
    """The newcomer's side: get a name from the connected server with the lowest id, then take over all
    that it has, the creation write included, before serving anybody."""

    UNCOMPARED = ("_exchanges", "_patience", "_server", "_turn", "due")
    TAGS = ("_token", "_tokens")

    def __init__(self, server: Context, exchanges: Exchanges, retry_s: float) -> None:
        self._server = server
        self._exchanges = exchanges
        self._patience = Patience(retry_s)
        self._order: int | None = None
        self._creator: int | None = None
        self._token = 0
        self._tokens: dict[Name | int, int] = {}
        self._declined: dict[int, None] = {}
        self._target: Aiming | None = None
        self._turn = 0
        self.due: float | None = None

    def start(self, order: int, message: Join) -> None:
        """Begin, as the master ordered."""
        server = self._server
        if server.life.stage != NEW:
            server.answer(order, Failed("it is a member already, or becoming one"))
        elif message.first:
            server.become(ROOT)
            server.answer(order, Joined(ROOT, primary=True))
        elif not server.servers:
            server.answer(order, Failed("no other server is connected to it"))
        else:
            self._order = order
            server.life.enter(ASKING)
            self._ask()

    def restore_asking(self, asking: Asking) -> None:
        """Go on asking, under the same token as before a crash."""
        if self._server.life.stage == NEW:
            self._server.life.enter(ASKING)
        self._tokens[asking.peer if asking.creator is None else asking.creator] = asking.token

    def restore_aim(self, aim: Aiming) -> None:
        """Take over what was to be taken over before a crash."""
        self._target = aim

    def resume(self) -> None:
        """Go on after a crash, if it came before this server was a member."""
        if self._server.life.is_joining:
            self.due = self._server.now

    def on_created(self, peer: int, message: Created) -> None:
        """The creator has given a name."""
        if not self._is_answer(peer, message.token):
            return
        self._server.become(message.creation.created)
        self._target = Aiming(message.csn, message.vector)
        self._server.remember(self._target)
        self._patience.renew()
        self.due = self._server.now + self._patience.take()

    def on_declined(self, peer: int, message: Declined) -> None:
        """The creator can't: ask the next one."""
        if self._is_answer(peer, message.token):
            self._declined[peer] = None
            self._ask()

    def _is_answer(self, peer: int, token: int) -> bool:
        """Whether this comes from the server that was asked for a name, in answer to just that."""
        return self._server.life.stage == ASKING and peer == self._creator and token == self._token

    def pulled(self) -> None:
        """An exchange is complete. All is well where it brought what the creator had when it gave the
        name; otherwise the creator is gone, and another server is asked in a while."""
        target, replica = self._target, self._server.replica
        if target is None or self._server.life.stage != NAMED:
            return
        if replica.csn >= target.csn and replica.vector.covers(target.vector):
            self._finish()

    def lacks(self, peer: int, missing: MissingFunction) -> None:
        """What is to be taken over needs a function that is missing here: say so, and ask again later."""
        order, self._order = self._order, None
        if order is not None:
            self._server.answer(order, Failed(f"it can't take over what server {peer} has: {missing}"))
        self.due = self._server.peers.of(peer).ask_after

    def _finish(self) -> None:
        """Be a member, and say so."""
        order, self._order, self.due = self._order, None, None
        self._server.activate()
        if order is not None:
            replica = self._server.replica
            self._server.answer(order, Joined(replica.name, replica.is_primary))

    def on_due(self) -> None:
        """Nothing came for a while: ask again, somebody else where the creator is gone."""
        if self._server.life.stage == NAMED:
            source = self._exchanges.expected_from(JOIN)
            if source is not None and self._exchanges.take_progress(source, JOIN):
                self.due = self._server.now + self._patience.take()
                return
            self._note_again("what the giver of its name had")
            self._pull()
            return
        self._note_again("a name")
        if self._creator is not None and self._creator in self._server.servers:
            self._ask_creator(self._creator)
        else:
            self._ask()

    def _note_again(self, what: str) -> None:
        if self._server.servers:
            self._server.note(AGAIN, what)

    def on_links_changed(self) -> None:
        """A server was connected or cut off: where there is nobody to wait for any more, ask somebody
        else."""
        life = self._server.life
        if life.is_joining and self._creator not in self._server.servers:
            self._patience.renew()
            if life.stage == ASKING:
                self._ask()
            elif self._exchanges.expected_from(JOIN) is None:
                self._pull()

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        stage = self._server.life.stage
        if stage == ASKING:
            return [f"waits for server {self._creator} to give it a name"]
        if stage == NAMED:
            return [f"waits to take over what server {self._creator} had when it gave it its name"]
        return []

    def _ask(self) -> None:
        """Ask the connected server with the lowest id that has not declined."""
        self._patience.renew()
        willing = [peer for peer in self._server.servers if peer not in self._declined]
        if not willing:
            self._declined.clear()
            self._creator = None
            self.due = self._server.now + self._patience.take()
            return
        self._creator = min(willing)
        self._token = self._token_for(self._creator)
        self._ask_creator(self._creator)

    def _token_for(self, peer: int) -> int:
        """Return the same token for the same creator, whatever its address: it may have accepted a creation
        write before the connection was cut, or before a crash."""
        name = self._server.peers.of(peer).name
        creator = peer if name is None else name
        token = self._tokens.get(creator)
        if token is None:
            token = self._tokens[creator] = self._server.new_token()
            self._server.remember(Asking(name, peer, token))
        return token

    def _ask_creator(self, creator: int) -> None:
        serial = self._exchanges.expect(creator, JOIN, self._token)
        self._server.send(creator, Create(self._token, serial, self._exchanges.position))
        self.due = self._server.now + self._patience.take()

    def _pull(self) -> None:
        """Take over from the creator, or where it is gone from the others in turn."""
        servers = self._server.servers
        if self._creator in servers:
            self._exchanges.pull(self._creator, JOIN, self._token)
        elif servers:
            self._turn += 1
            self._exchanges.pull(servers[self._turn % len(servers)], JOIN, self._token)
        self.due = self._server.now + self._patience.take()


class Creating:
    """The creator's side: accept one creation write for each request, however often it is sent."""

    UNCOMPARED = ("_exchanges", "_server")
    TAGS = ("_creations",)

    def __init__(self, server: Context, exchanges: Exchanges) -> None:
        self._server = server
        self._exchanges = exchanges
        self._creations: dict[int, Write] = {}

    def keep(self, token: int, creation: Write) -> None:
        """Keep the creation write that was accepted for a request, in case that comes again."""
        self._creations[token] = creation
        if len(self._creations) > CREATIONS_KEPT:
            del self._creations[next(iter(self._creations))]

    def on_create(self, peer: int, message: Create) -> None:
        """Give a new server its name, and send it all that it has to take over. An echo is left aside: its
        answer would tell the newcomer to have more than is on its way."""
        server = self._server
        if not self._exchanges.is_new(peer, message.serial):
            return
        if not server.is_active:
            server.send(peer, Declined(message.token))
            return
        creation = self._creations.get(message.token)
        if creation is None:
            creation = server.replica.create()
            self.keep(message.token, creation)
            server.remember(CreatedFor(message.token, creation))
        server.peers.of(peer).name = creation.created  # it had none when it was connected
        server.send(peer, Created(message.token, creation, server.replica.csn, server.replica.vector))
        newborn = LiveVector.newborn(creation.created).snapshot()
        self._exchanges.serve(peer, message.serial, 0, newborn, message.base)
