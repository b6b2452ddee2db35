"""A weak store on purpose: known bugs of replication protocols, which can be planted in a process.

They show what a campaign, or a test suite, is able to find. Nothing else imports this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bayou.core import vector as vector_module
from bayou.core.database import Database
from bayou.core.items import Items
from bayou.core.log import WriteLog
from bayou.core.replica import Replica
from bayou.core.vector import NOTHING, RETIRED, VersionVector
from bayou.core.write import DELETE, Write
from bayou.families.planting import Patch, Plant
from bayou.families.store.changebugs import OF_CHANGES, OF_SUFFIXES
from bayou.families.store.groupbugs import OF_GROUPS, OF_LEADERS
from bayou.families.store.pastbugs import DIRECTED, OF_BASES
from bayou.node.client import Client
from bayou.node.desk import Desk
from bayou.node.exchange import Exchanges
from bayou.node.inheriting import Inheriting
from bayou.node.joining import Joining
from bayou.node.life import NAMED
from bayou.node.messages import REFUSED, Answer, TakenOver
from bayou.node.records import Answered, CreatedFor, Promised
from bayou.node.retiring import Retiring
from bayou.node.server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.core.name import Name
    from bayou.machine.effects import Received
    from bayou.machine.records import Durable, Fact
    from bayou.node.messages import AntiEntropy, AskHeir, Created, HandOver, Request


def prefix_property_dropped(patch: Patch) -> None:
    """A part of an exchange is taken in although one before it is missing."""

    def on_part(self: Exchanges, peer: int, message: AntiEntropy) -> None:
        inbound = self._peers.of(peer).inbound
        if inbound is not None and inbound.serial == message.serial and message.first > inbound.next_item:
            inbound.next_item = message.first
        original(self, peer, message)

    original = Exchanges.on_part
    patch.setattr(Exchanges, "on_part", on_part)


def missing_entry(verdict: int) -> Plant:
    def plant(patch: Patch) -> None:
        patch.setattr(vector_module, "decide", lambda entries, name, decided: verdict)

    return plant


def entry_removed_because_another_vector_lacks_it(patch: Patch) -> None:
    def serve(self: Exchanges, peer: int, serial: int, csn: int, vector: VersionVector, *rest: Any) -> None:
        replica = self._server.replica
        for name in list(replica._vector.entries):
            if name is not replica.name and vector.completed(name) == RETIRED:
                del replica._vector.touch()[name]
        original(self, peer, serial, csn, vector, *rest)

    original = Exchanges.serve
    patch.setattr(Exchanges, "serve", serve)


def marks_in_order_of_arrival(patch: Patch) -> None:
    def commit_all(self: WriteLog) -> list[Write]:
        arrived = [write for queue in self._queues.values() for write in queue]
        self.tentative.take_all()
        self._queues.clear()
        self.committed.extend(arrived)
        return arrived

    patch.setattr(WriteLog, "commit_all", commit_all)


def primary_marks_its_own_write_first(patch: Patch) -> None:
    def accept(self: Replica, kind: int, *row: Any) -> Write:
        if not self.is_primary:
            return original(self, kind, *row)
        write = Write(self.clock.next(), self.name, kind, *row)
        self._journal.append(Items(self.csn, [write], []))
        self._commit_new(write)
        self.mark()
        return write

    original = Replica._accept
    patch.setattr(Replica, "_accept", accept)


def refused_read_changes_the_session(patch: Patch) -> None:
    def carry_out(self: Desk, request: Request, *came_at: float) -> Answer | None:
        answer = original_desk(self, request, *came_at)
        if answer is None or answer.verdict != REFUSED:
            return answer
        return Answer(answer.session, answer.number, REFUSED, vector=self._server.replica.vector)

    def receive(self: Client, given: Received) -> None:
        answer = given.message
        if self._pending is not None and isinstance(answer, Answer) and answer.vector is not None:
            self.session.has_read(answer.vector)
        original_client(self, given)

    original_desk, original_client = Desk._carry_out, Client._receive
    patch.setattr(Desk, "_carry_out", carry_out)
    patch.setattr(Client, "_receive", receive)


def read_vector_compared_over_its_own_entries_only(patch: Patch) -> None:
    patch.setattr(VersionVector, "covers", VersionVector.covers_listed)


def write_sent_twice_applied_twice(patch: Patch) -> None:
    def on_request(self: Desk, peer: int, message: Request) -> None:
        self._numbers.clear()
        original(self, peer, message)

    original = Desk.on_request
    patch.setattr(Desk, "on_request", on_request)


def server_leaves_before_its_writes_are_elsewhere(patch: Patch) -> None:
    patch.setattr(Retiring, "_offer", Retiring._leave)


def server_leaves_on_any_confirmation(patch: Patch) -> None:
    def on_taken_over(self: Retiring, peer: int, message: TakenOver) -> None:
        replica = self._server.replica
        original(self, peer, TakenOver(message.token, replica.csn, replica.vector))

    def pulled(self: Inheriting, token: int, peer: int) -> None:
        pass

    def on_hand_over(self: Inheriting, peer: int, message: HandOver) -> None:
        # Confirms at once, before anything has been taken over.
        original_offer(self, peer, message)
        self._server.send(
            peer, TakenOver(message.token, self._server.replica.csn, self._server.replica.vector)
        )

    original, original_offer = Retiring.on_taken_over, Inheriting.on_hand_over
    patch.setattr(Retiring, "on_taken_over", on_taken_over)
    patch.setattr(Inheriting, "on_hand_over", on_hand_over)
    patch.setattr(Inheriting, "pulled", pulled)


def two_primaries_after_a_lost_confirmation(patch: Patch) -> None:
    """The heir takes the duty when it is asked, not when it is named: its answer may be lost, and another
    server be asked."""

    def on_ask_heir(self: Inheriting, peer: int, message: AskHeir) -> None:
        original(self, peer, message)
        self._server.replica.group = (self._server.replica.name,)

    original = Inheriting.on_ask_heir
    patch.setattr(Inheriting, "on_ask_heir", on_ask_heir)


def new_server_lacks_its_own_creation_write(patch: Patch) -> None:
    """It serves as soon as it has its name."""

    def on_created(self: Joining, peer: int, message: Created) -> None:
        original(self, peer, message)
        if self._server.life.stage == NAMED:
            self._finish()

    original = Joining.on_created
    patch.setattr(Joining, "on_created", on_created)


def late_write_forgotten_by_the_index(patch: Patch) -> None:
    """The index by row keeps the write that arrived last instead of the last one."""

    def tentative(self: Database, write: Write) -> None:
        if write.kind > DELETE:
            original(self, write)
            return
        self.table(write.collection).tentative[write.key] = write

    original = Database.tentative
    patch.setattr(Database, "tentative", tentative)


def commit_notice_applied_out_of_turn(patch: Patch) -> None:
    def apply_committed(self: Replica, items: Items, done: list[Write]) -> None:
        original(self, Items(min(items.csn, self.csn), items.committed, items.tentative), done)

    original = Replica._apply_committed
    patch.setattr(Replica, "_apply_committed", apply_committed)


def committed_delete_forgotten(patch: Patch) -> None:
    def commit_new(self: Database, write: Write) -> None:
        if write.kind != DELETE:
            original(self, write)

    original = Database.commit_new
    patch.setattr(Database, "commit_new", commit_new)


def crash_forgets_answers(patch: Patch) -> None:
    """What was answered to clients is not made durable."""
    _lose_at_restart(patch, lambda records: [each for each in records if not isinstance(each, Answered)])


def crash_forgets_the_last_write(patch: Patch) -> None:
    """The log is made durable a step late."""
    _lose_at_restart(patch, lambda records: records[:-1] if isinstance(records[-1], Items) else records)


def _lose_at_restart(patch: Patch, keep: Callable[[list[Durable]], list[Durable]]) -> None:
    def restored(
        cls: type[Server], /, id: int, rng: Any, settings: Any, records: Iterable[Durable], **rest: Any
    ) -> Server:
        return original(id, rng, settings, keep(list(records)), **rest)

    original = Server.restored
    patch.setattr(Server, "restored", classmethod(restored))


def heir_breaks_its_promise(patch: Patch) -> None:
    """A server that promised to take over the primary's duty retires all the same."""

    def proceed(self: Retiring) -> None:
        self._inheriting.promises.clear()
        original(self)

    original = Retiring._proceed
    patch.setattr(Retiring, "_proceed", proceed)


def retired_server_accepts_writes(patch: Patch) -> None:
    """A server goes on accepting writes after its own retirement write."""

    def accept(self: Replica, kind: int, *row: Any) -> Write:
        retired, self.retired = self.retired, False
        write = original(self, kind, *row)
        self.retired = self.retired or retired
        return write

    def carry_out(self: Desk, request: Request, *came_at: float) -> Answer | None:
        replica = self._server.replica
        retired, replica.retired = replica.retired, False
        answer = original_desk(self, request, *came_at)
        replica.retired = retired
        return answer

    original, original_desk = Replica._accept, Desk._carry_out
    patch.setattr(Replica, "_accept", accept)
    patch.setattr(Desk, "_carry_out", carry_out)


def echo_answered_afresh(patch: Patch) -> None:
    """A Pull that comes a second time, late, is answered again, with what lies beyond by then."""
    patch.setattr(Exchanges, "is_new", lambda self, peer, serial: True)


def request_goes_to_whoever_has_the_id(patch: Patch) -> None:
    """A client sends its request again to a server that joined later under the same id."""

    def connect(self: Client, peer: int, name: Name | None) -> None:
        if self._pending is not None:
            self._pending.name = name
        original(self, peer, name)

    original = Client._connect
    patch.setattr(Client, "_connect", connect)


def crash_forgets(*kinds: type[Fact]) -> Plant:
    def plant(patch: Patch) -> None:
        _lose_at_restart(patch, lambda records: [each for each in records if not isinstance(each, kinds)])

    return plant


def session_forgets_its_writes(patch: Patch) -> None:
    from bayou.node.session import Session

    patch.setattr(Session, "has_written", lambda self, stamp, server: None)


def session_forgets_its_reads(patch: Patch) -> None:
    from bayou.node.session import Session

    patch.setattr(Session, "has_read", lambda self, vector: None)


def clock_ignores_others(patch: Patch) -> None:
    """A stamp is taken from the wall clock, however far other servers are ahead."""
    from bayou.core.clock import LogicalClock

    patch.setattr(LogicalClock, "saw", lambda self, stamp: None)


BUGS: dict[str, Plant] = {
    "prefix property dropped": prefix_property_dropped,
    'missing entry always "never heard of"': missing_entry(NOTHING),
    'missing entry always "retired"': missing_entry(RETIRED),
    "an entry removed because another vector lacks it": entry_removed_because_another_vector_lacks_it,
    "marks in order of arrival": marks_in_order_of_arrival,
    "the primary marks its own write before older tentative ones": primary_marks_its_own_write_first,
    "a refused read that changes the session": refused_read_changes_the_session,
    "read vector compared over its own entries only": read_vector_compared_over_its_own_entries_only,
    "a write sent twice applied twice": write_sent_twice_applied_twice,
    "a server that leaves before its writes are elsewhere": server_leaves_before_its_writes_are_elsewhere,
    "a hand-over confirmed before it is complete": server_leaves_on_any_confirmation,
    "two primaries after a lost confirmation": two_primaries_after_a_lost_confirmation,
    "a late write forgotten by the index": late_write_forgotten_by_the_index,
    "a committed delete forgotten": committed_delete_forgotten,
    "a crash forgets what was answered": crash_forgets_answers,
    "a crash forgets the last write": crash_forgets_the_last_write,
    "a retired server accepts writes": retired_server_accepts_writes,
    "a session forgets its writes": session_forgets_its_writes,
    "a session forgets its reads": session_forgets_its_reads,
    "a clock that ignores other servers' stamps": clock_ignores_others,
    "an echo answered afresh": echo_answered_afresh,
    **OF_BASES,
    **OF_CHANGES,
    **OF_GROUPS,
}
"""How to plant each bug that campaigns find, by what it is called in the documentation."""

OUT_OF_REACH: dict[str, Plant] = {
    "a new server that lacks its own creation write": new_server_lacks_its_own_creation_write,
    "a commit notice applied out of turn": commit_notice_applied_out_of_turn,
    "an heir breaks its promise": heir_breaks_its_promise,
    "a request sent to another server of the same id": request_goes_to_whoever_has_the_id,
    "a crash forgets a promise to be the heir": crash_forgets(Promised),
    "a crash forgets who was created": crash_forgets(CreatedFor),
    **DIRECTED,
    **OF_SUFFIXES,
    **OF_LEADERS,
}
"""Bugs that need a coincidence which random commands, one after another, hardly ever bring about; directed
tests catch them."""
