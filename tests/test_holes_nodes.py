"""What servers could get wrong without any other test noticing: found by changing their code, by hand and
with tests/mutation.py. Each test here fails with such a change."""

from __future__ import annotations

import pytest

from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.vector import START
from bayou.core.write import PUT, Write
from bayou.machine.effects import LinkDown, LinkUp, Ordered, Tick
from bayou.machine.messages import Done, Failed, Message, Probe, Waiting
from bayou.node.messages import (
    GOSSIP,
    HAND_OVER,
    JOIN,
    ROUND,
    AntiEntropy,
    Continue,
    Converge,
    Converged,
    Create,
    Created,
    Declined,
    End,
    Gather,
    HandOver,
    Hello,
    Join,
    Joined,
    Pause,
    Pull,
    Put,
    Request,
    Retire,
    Retired,
    Willing,
)
from bayou.node.records import CreatedFor, Promised
from bayou.node.server import Server
from bayou.node.settings import Limits, Settings
from bayou.worlds.simulated import Arrival
from tests import test_nodes_late
from tests.rows import row
from tests.simulated import StoreWorld
from tests.test_nodes import Numbers, alarm, deliver, due, hear, only, order, said, server, system
from tests.test_nodes_late import sent

# What has to survive a crash.


def test_a_promise_to_inherit_survives_a_crash() -> None:
    """Server 1 promised 0 to be the next primary, and crashes before the duty reaches it. If it forgot that,
    it could retire first, and nobody would be the primary any more."""
    world = test_nodes_late.system(3)
    orders = [world.order(0, Retire())]
    test_nodes_late.deliver(world, lambda flight: isinstance(sent(flight)[1], HandOver))
    assert world.server(0).replica.log.committed[-1].heir is world.server(1).replica.name
    assert [fact for fact in world.journals[1] if isinstance(fact, Promised)] == [Promised(ROOT)]
    world.crash(1)
    world.restart_server(1, [2], paused=False)
    orders.append(world.order(1, Retire()))

    def is_from_0(flight: Arrival) -> bool:
        return sent(flight)[0] == 0

    test_nodes_late.deliver(world, is_from_0)
    assert not world.server(1).replica.retired, "it has promised to be there"
    bring_to_rest(world)
    assert [type(world.answer(number)) for number in orders] == [Retired, Retired]
    assert world.server(2).replica.is_primary


def test_a_promise_is_written_down_once_for_each_asker() -> None:
    nodes = system(2)
    ask = only(order(nodes[0], Retire()))
    assert hear(nodes[1], 0, ask).durable == [Promised(ROOT)]
    again = hear(nodes[1], 0, ask)
    assert (again.durable, said(again)) == ([], [Willing])


def test_what_was_created_for_a_request_survives_a_crash() -> None:
    """The creator crashes after it accepted the creation write, and before anybody hears of it. Asked again,
    it answers with that write: another one would make a server that never lives, and that all would list
    for ever."""
    world = test_nodes_late.system(2)
    world.add_server(5, [0], paused=False)
    world.order(5, Join(first=False))
    (create,) = world.flights()
    world.deliver(create)
    created, writes = world.server(0).replica.log.committed[-1], len(world.server(0).replica.log)
    assert [fact.creation for fact in world.journals[0] if isinstance(fact, CreatedFor)][-1] == created
    restored = Server.restored(0, Numbers(0), None, world.journals[0], now=1.0)
    (_, answer), (_, part) = hear(restored, 5, sent(create)[1]).sends
    assert isinstance(answer, Created)
    assert (answer.creation, type(part)) == (created, AntiEntropy)
    assert len(restored.replica.log) == writes


def test_what_was_answered_survives_a_crash() -> None:
    """The answer got lost with the server; the request comes again."""
    world = test_nodes_late.system(2)
    put = Request(1, 1, Put(*row("a", "u")), None, None)
    effects = hear(world.server(0), 9, put)
    restored = Server.restored(0, Numbers(0), None, [*world.journals[0], *effects.durable], now=1.0)
    writes = len(restored.replica.log)
    assert only(hear(restored, 9, put)) == only(effects)
    assert len(restored.replica.log) == writes


def bring_to_rest(world: StoreWorld) -> None:
    """Let messages arrive and time pass until whatever is repeated must have been."""
    for _ in range(40):
        test_nodes_late.deliver(world)
        world.pass_time(1.0)


# Joining.


def newcomer(*peers: int, settings: Settings | None = None) -> tuple[Server, Create]:
    """Return a server with id 5 that asks the first of these for its name, and what it says."""
    node = server(5, *peers, settings=settings)
    create = only(order(node, Join(first=False)))
    assert isinstance(create, Create)
    return node, create


def test_a_name_counts_only_from_whom_it_was_asked_of_and_as_it_was_asked() -> None:
    node, create = newcomer(2, 3)
    root = Replica(ROOT)
    creation, other = root.create(), root.create()
    for peer, token in ((3, create.token), (2, create.token + 1)):
        assert said(hear(node, peer, Created(token, other, root.csn, root.vector))) == []
        assert not [line for line in waiting(node) if "take over" in line], "it has no name yet"
    hear(node, 2, Created(create.token, creation, root.csn, root.vector))
    assert node.replica.name is creation.created
    node.step(0.5, Tick())
    before = alarm(node)
    hear(node, 2, Created(create.token, other, root.csn, root.vector), now=0.5)
    assert node.replica.name is creation.created, "a second name, which comes too late"
    assert alarm(node) == before


def test_a_refusal_counts_only_from_whom_was_asked_and_as_long_as_there_is_no_name() -> None:
    node, create = newcomer(2, 3)
    assert said(hear(node, 3, Declined(create.token))) == [], "it was not asked"
    assert said(hear(node, 2, Declined(create.token + 1))) == [], "it was not asked that"
    root = Replica(ROOT)
    creation = root.create()
    hear(node, 2, Created(create.token, creation, root.csn, root.vector))
    assert said(hear(node, 2, Declined(create.token))) == [], "there is a name already"
    assert waiting(node) == ["waits to take over what server 2 had when it gave it its name"]


def test_nobody_is_a_member_before_its_own_creation_write_is_there() -> None:
    """Cut off from its creator, a newcomer takes over from another server, which has all that was committed
    at the creator, but not the creation write."""
    nodes = system(3)
    tell(nodes[1], nodes[0])
    tell(nodes[2], nodes[0])
    node, created = named_by_1(nodes)
    assert take_over_from_2(node, nodes) == []
    assert node.replica.csn == created.csn == 2
    assert not node.replica.vector.covers(created.vector)
    assert not node.is_member
    tell(nodes[2], nodes[1])
    assert [type(answer) for answer in take_over_from_2(node, nodes)] == [Joined]


def test_nobody_is_a_member_with_fewer_commitments_than_its_creator_had() -> None:
    """Cut off from its creator, a newcomer takes over from another server, which has all the creator's
    writes, but has not heard that one of them is committed."""
    nodes = system(3)
    tell(nodes[1], nodes[0])
    nodes[1].replica.put(*row("s", "u"))
    tell(nodes[2], nodes[1])
    tell(nodes[0], nodes[1])
    nodes[0].replica.mark()
    tell(nodes[1], nodes[0])
    node, created = named_by_1(nodes)
    nodes[2].replica.apply(Items(2, [], [created.creation]))
    assert take_over_from_2(node, nodes) == []
    assert node.replica.vector.covers(created.vector)
    assert node.replica.csn == 2 < created.csn
    assert not node.is_member
    tell(nodes[2], nodes[1])
    assert [type(answer) for answer in take_over_from_2(node, nodes)] == [Joined]


def test_a_slow_join_that_gets_on_is_not_begun_again() -> None:
    """Each part that comes gives the exchange another period of patience; one without any ends it."""
    settings = Settings(limits=Limits(items=1, parts_ahead=1))
    nodes = system(2, settings)
    for number in range(5):
        nodes[0].replica.put(*row(f"s{number}", "u"))
    node, create = newcomer(0, settings=settings)
    (_, created), (_, part) = hear(nodes[0], 5, create).sends
    hear(node, 0, created)
    for _ in range(3):
        more = only(hear(node, 0, part))
        assert isinstance(more, Continue)
        part = only(hear(nodes[0], 5, more))
        now = due(node)
        assert said(node.step(now, Tick())) == [], "something came since"
        assert due(node) > now
    assert said(node.step(due(node), Tick())) == [Pull], "nothing came since"


def test_a_slow_join_gets_on_whoever_has_declined_before() -> None:
    """What counts is the exchange with the server that was asked last: one that declined sends nothing."""
    settings = Settings(limits=Limits(items=1, parts_ahead=1))
    nodes = system(2, settings)
    for number in range(5):
        nodes[1].replica.put(*row(f"s{number}", "u"))
    node, create = newcomer(0, 1, settings=settings)
    asked_again = only(hear(node, 0, Declined(create.token)))
    (_, created), (_, part) = hear(nodes[1], 5, asked_again).sends
    hear(node, 1, created)
    for _ in range(3):
        part = only(hear(nodes[1], 5, only(hear(node, 1, part))))
        assert said(node.step(due(node), Tick())) == [], "something came since"
    assert said(node.step(due(node), Tick())) == [Pull], "nothing came since"


def tell(receiver: Server, sender: Server) -> None:
    """Let one server know all that another does."""
    receiver.replica.apply(sender.replica.beyond(receiver.replica.csn, receiver.replica.vector))


def waiting(node: Server) -> list[str]:
    return node._joining.waiting()


def named_by_1(nodes: dict[int, Server]) -> tuple[Server, Created]:
    """Return a server with id 5 that got its name from server 1, and nothing more; server 2 is connected
    to it too."""
    node, create = newcomer(1, 2)
    created = hear(nodes[1], 5, create).sends[0][1]
    assert isinstance(created, Created)
    hear(node, 1, created)
    nodes[2].step(0.0, LinkUp(5, Hello(is_server=True)))
    return node, created


def take_over_from_2(node: Server, nodes: dict[int, Server]) -> list[Message]:
    """Let a newcomer that is cut off from server 1 pull from server 2, at once or when it wants to; return
    the answers to orders that this brings."""
    sends = node.step(0.0, LinkDown(1)).sends if 1 in node.servers else node.step(due(node), Tick()).sends
    ((peer, pull),) = sends or node.step(due(node), Tick()).sends
    assert (peer, type(pull)) == (2, Pull)
    return [
        answer
        for _, part in hear(nodes[2], 5, pull, node.now).sends
        for _, answer in hear(node, 2, part, node.now).answers
    ]


# Exchanges.


def test_a_pull_from_a_negative_csn_costs_the_connection() -> None:
    """Python's lists have elements at negative positions too."""
    nodes = system(2)
    for csn in (-1, -2):
        effects = hear(nodes[0], 1, Pull(1 << 50, JOIN, csn, START))
        assert effects.sends == []
        assert [peer for peer, _ in effects.drops] == [1]
    assert said(hear(nodes[0], 1, Pull(1 << 50, JOIN, 0, START))) == [AntiEntropy]


@pytest.mark.parametrize("purpose", [JOIN, HAND_OVER, ROUND, GOSSIP])
def test_a_pull_has_one_of_four_purposes(purpose: str) -> None:
    nodes = system(2)
    assert said(hear(nodes[0], 1, Pull(1 << 50, purpose, 0, START))) == [AntiEntropy]
    effects = hear(nodes[0], 1, Pull(1 << 51, f"{purpose}s", 0, START))
    assert effects.sends == []
    assert [peer for peer, _ in effects.drops] == [1]


def test_what_was_going_on_with_a_peer_ends_when_it_breaks_the_protocol() -> None:
    """What came before stays; what it sends after that, until the connection is gone, is not taken in."""
    nodes = system(2)
    serial = nodes[0].exchanges.expect(1, JOIN, 1)
    csn = nodes[0].replica.csn
    stranger = Write(5, ROOT.child(99), PUT, *row("s", "u"))
    effects = hear(nodes[0], 1, AntiEntropy(serial, 0, Items(csn, [], [stranger])))
    assert [peer for peer, _ in effects.drops] == [1]
    own = Write(6, nodes[1].replica.name, PUT, *row("s", "u"))
    effects = hear(nodes[0], 1, AntiEntropy(serial, 1, Items(csn, [], [own])))
    assert (effects.sends, effects.drops, effects.durable) == ([], [], [])
    assert order(nodes[0], Probe()).answers == [(1, Waiting(()))]


# Retiring.


def test_an_heir_looks_for_its_duty_at_each_server_in_turn() -> None:
    """One of them may never know, being cut off from all the rest."""
    nodes = system(4)
    hear(nodes[1], 0, only(order(nodes[0], Retire())))
    nodes[1].step(0.0, LinkDown(0))
    asked = [peer for peer, message in order(nodes[1], Retire()).sends if isinstance(message, Pull)]
    for _ in range(3):
        asked += [peer for peer, _ in nodes[1].step(due(nodes[1]), Tick()).sends]
    assert sorted(asked) == [2, 2, 3, 3]
    assert asked[:2] == asked[2:]


def test_a_primary_that_waits_for_an_heir_is_not_told_to_retire_twice() -> None:
    nodes = system(3)
    ask = only(order(nodes[0], Retire()))
    again = nodes[0].step(0.0, Ordered(2, Retire()))
    assert again.sends == []
    assert again.answers == [(2, Failed("it is retiring already"))]
    answers = deliver_from(nodes, nodes[0], 1, ask)
    assert answers == [(1, Retired(1))], "the first order is the one that is answered"


def deliver_from(
    nodes: dict[int, Server], sender: Server, peer: int, message: Message
) -> list[tuple[int, Message]]:
    return deliver(nodes, nodes[peer], hear(nodes[peer], sender.id, message))


# Rounds.


def test_what_an_older_round_gathered_does_not_count_in_a_newer_one() -> None:
    nodes = system(3)
    order(nodes[0], Converge(7, None, (1,)))
    serial = nodes[0].exchanges._serial
    order(nodes[0], Converge(8, None, (2,)))
    late = AntiEntropy(serial, 0, Items(nodes[0].replica.csn, [], []), End(0, START, 9))
    effects = hear(nodes[0], 1, late)
    assert (effects.sends, effects.answers) == ([], [])
    assert order(nodes[0], Probe()).answers == [(1, Waiting(("waits in round 8 for server 2",)))]


def test_what_is_asked_for_the_next_round_is_kept_while_one_is_in_progress() -> None:
    nodes = system(3)
    order(nodes[1], Converge(7, 0, (2,)))
    assert said(hear(nodes[1], 0, Gather(8, 55, 0, START))) == []
    effects = order(nodes[1], Converge(8, 0, ()))
    assert effects.answers == [(1, Converged(level=False, primary=False))], "of round 7"
    part = only(effects)
    assert isinstance(part, AntiEntropy)
    assert part.serial == 55


def test_a_round_of_several_waits_for_each_of_them() -> None:
    nodes = system(3)
    gathers = order(nodes[0], Converge(1, None, (1, 2))).sends
    assert [peer for peer, _ in gathers] == [1, 2]
    for peer, message in gathers:
        hear(nodes[peer], 0, message)
    parts = {peer: only(order(nodes[peer], Converge(1, 0, ()))) for peer in (1, 2)}
    first = hear(nodes[0], 2, parts[2])
    assert (first.sends, first.answers) == ([], [])
    second = hear(nodes[0], 1, parts[1])
    assert sorted(peer for peer, _ in second.sends) == [1, 2]
    assert second.answers == [(1, Converged(level=True, primary=True))]


def spread_to_1() -> tuple[dict[int, Server], AntiEntropy]:
    """Return two servers in the middle of a round, and what the head, 0, has to tell the other at its end."""
    nodes = system(2)
    hear(nodes[1], 0, only(order(nodes[0], Converge(1, None, (1,)))))
    back = only(hear(nodes[0], 1, only(order(nodes[1], Converge(1, 0, ())))))
    assert isinstance(back, AntiEntropy)
    assert back.end is not None
    return nodes, back


def test_who_has_more_writes_than_the_server_above_is_not_level_with_it() -> None:
    nodes, back = spread_to_1()
    nodes[1].replica.put(*row("s", "u"))
    assert hear(nodes[1], 0, back).answers == [(1, Converged(level=False, primary=False))]


@pytest.mark.parametrize("more", [1, -1])
def test_who_has_another_csn_than_the_server_above_is_not_level_with_it(more: int) -> None:
    nodes, back = spread_to_1()
    assert back.end is not None
    end = End(back.end.csn + more, back.end.vector)
    other = AntiEntropy(back.serial, back.first, back.items, end)
    assert hear(nodes[1], 0, other).answers == [(1, Converged(level=False, primary=False))]
    nodes, back = spread_to_1()
    assert hear(nodes[1], 0, back).answers == [(1, Converged(level=True, primary=False))]


def test_a_primary_that_is_not_the_head_is_not_level_with_something_tentative() -> None:
    """What came down to it came when the marks could not spread any more: another round is due."""
    nodes = system(2)
    nodes[1].replica.put(*row("s", "u"))
    for tentative in (True, False):
        hear(nodes[0], 1, only(order(nodes[1], Converge(1, None, (0,)))))
        up = only(order(nodes[0], Converge(1, 1, ())))
        down = only(hear(nodes[1], 0, up))
        assert hear(nodes[0], 1, down).answers == [(1, Converged(level=not tentative, primary=True))]
        assert len(nodes[0].replica.log.tentative) == tentative
        nodes[0].replica.mark()
        tell(nodes[1], nodes[0])


def test_a_pause_in_the_middle_of_a_round_forgets_what_was_asked() -> None:
    """What was asked for before the pause, or during it, is not sent after it; and what was on its way is not
    taken in."""
    nodes = system(2)
    for pause_first in (False, True):
        if pause_first:
            order(nodes[1], Pause(paused=True))
        assert said(hear(nodes[1], 0, Gather(3, 5, 0, START))) == []
        if not pause_first:
            order(nodes[1], Pause(paused=True))
        order(nodes[1], Pause(paused=False))
        assert said(order(nodes[1], Converge(3, 0, ()))) == []
        assert order(nodes[1], Pause(paused=True)).answers == [
            (1, Converged(level=False, primary=False)),
            (1, Done()),
        ]
        order(nodes[1], Pause(paused=False))


def test_what_arrives_after_a_pause_is_not_taken_in() -> None:
    nodes, back = spread_to_1()
    nodes[0].replica.put(*row("s", "u"))
    more = AntiEntropy(back.serial, 0, nodes[0].replica.beyond(nodes[1].replica.csn, nodes[1].replica.vector))
    order(nodes[1], Pause(paused=True))
    effects = hear(nodes[1], 0, more)
    assert (effects.sends, effects.answers, effects.durable) == ([], [], [])
    assert order(nodes[1], Probe()).answers == [(1, Waiting(()))]
    order(nodes[1], Pause(paused=False))
    assert hear(nodes[1], 0, more).durable == [], "nor after it"


def test_a_round_does_not_end_what_newcomers_and_retiring_servers_do() -> None:
    """A pause ends rounds; a server that takes over from a retiring one goes on."""
    nodes = system(2)
    hear(nodes[0], 1, only(order(nodes[1], Retire())))
    order(nodes[0], Pause(paused=True))
    assert order(nodes[0], Probe()).answers == [
        (1, Waiting(("waits for server 1 to send (hand-over, from item 0 on)",)))
    ]


# After a crash, and from one exchange to the next.


def test_a_server_restored_in_the_middle_of_retiring_goes_on_at_once() -> None:
    world = test_nodes_late.system(2)
    world.order(1, Retire())
    node = Server.restored(1, Numbers(1), None, world.journals[1], now=7.0)
    assert node.replica.retired
    assert (node.now, node.wake_at) == (7.0, 7.0)


def test_what_is_offered_anew_is_taken_over_anew() -> None:
    """It may be more by now; the same offer once more changes nothing while it gets on."""
    heir = system(3)[1]
    first = only(hear(heir, 2, HandOver(9)))
    second = only(hear(heir, 2, HandOver(10)))
    assert said(hear(heir, 2, HandOver(10))) == []
    assert isinstance(first, Pull)
    assert isinstance(second, Pull)
    assert second.serial > first.serial


def test_each_exchange_has_a_larger_serial_than_those_before() -> None:
    """By which the sender tells what is asked for again from what arrives again."""
    nodes = system(3)
    serials = [nodes[0].exchanges.expect(peer, JOIN, 1) for peer in (1, 2, 1, 1, 2)]
    assert serials == sorted(set(serials))
