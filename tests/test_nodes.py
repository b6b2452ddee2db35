"""Servers and clients one input at a time: the corners that a run in good order never sees."""

from __future__ import annotations

import pytest

from bayou.core.errors import Misuse
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.core.vector import START
from bayou.core.write import PUT, Write
from bayou.machine.effects import Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Done, Failed, Message, Probe, Waiting
from bayou.node.client import Client
from bayou.node.joining import CREATIONS_KEPT
from bayou.node.messages import (
    HAND_OVER,
    JOIN,
    OK,
    REFUSED,
    ROUND,
    Answer,
    AntiEntropy,
    Ask,
    AskHeir,
    Continue,
    Converge,
    Converged,
    Create,
    Created,
    Declined,
    Did,
    Do,
    End,
    Gather,
    Get,
    Got,
    HandOver,
    Hello,
    Join,
    Joined,
    Lacking,
    LogPage,
    Pause,
    Pull,
    Put,
    ReadLog,
    Request,
    Retire,
    Retired,
    TakenOver,
    Willing,
    Written,
)
from bayou.node.server import Server
from bayou.node.settings import Limits, Settings
from tests.rows import place, row, text_value


class Numbers:
    """Tokens in a row, a hundred for each node, so that tests can tell them."""

    def __init__(self, node: int) -> None:
        self.last = 100 * node

    def getrandbits(self, k: int, /) -> int:
        self.last += 1
        return self.last


def server(id: int, *peers: int, settings: Settings | None = None) -> Server:
    """Return a server that is connected to these servers and no member yet."""
    made = Server(id, Numbers(id), settings)
    for peer in peers:
        made.step(0.0, LinkUp(peer, Hello(is_server=True)))
    return made


def first(*peers: int, settings: Settings | None = None) -> Server:
    """Return the first server, with id 0, connected to these."""
    made = server(0, *peers, settings=settings)
    assert order(made, Join(first=True)).answers == [(1, Joined(ROOT, primary=True))]
    return made


def order(node: Server | Client, message: Message, now: float = 0.0) -> Effects:
    return node.step(now, Ordered(1, message))


def hear(node: Server | Client, peer: int, message: Message, now: float = 0.0) -> Effects:
    return node.step(now, Received(peer, message))


def said(effects: Effects) -> list[type[Message]]:
    return [type(message) for _, message in effects.sends]


def only(effects: Effects) -> Message:
    assert len(effects.sends) == 1, effects.sends
    return effects.sends[0][1]


def due(node: Server | Client) -> float:
    """Return when the node wants to be woken, which it has to want."""
    assert node.wake_at is not None
    return node.wake_at


def alarm(node: Server | Client) -> float | None:
    """Return when the node wants to be woken."""
    return node.wake_at


def talk(*nodes: Server) -> None:
    """Let the nodes' links come up and pass no message; used to make pairs that know of each other."""
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.step(0.0, LinkUp(other.id, Hello(is_server=True)))


def deliver(nodes: dict[int, Server], sender: Server, effects: Effects) -> list[tuple[int, Message]]:
    """Pass messages on until there are none; return the answers to orders on the way."""
    answers = list(effects.answers)
    for peer, message in effects.sends:
        if peer in nodes:
            answers += deliver(nodes, nodes[peer], hear(nodes[peer], sender.id, message))
    return answers


def system(size: int, settings: Settings | None = None) -> dict[int, Server]:
    """Return that many servers, all members and connected; each later one is news to those before."""
    nodes = {0: first(settings=settings)}
    for id in range(1, size):
        node = nodes[id] = server(id, settings=settings)
        talk(*nodes.values())
        answers = deliver(nodes, node, order(node, Join(first=False)))
        assert [type(answer) for _, answer in answers] == [Joined]
    return nodes


# The server as a whole.


def test_a_server_answers_orders_that_are_none() -> None:
    node = first()
    assert order(node, Done()).answers == [(1, Failed("Done is no order for a server"))]


def test_a_server_without_a_name_has_no_replica_and_no_log() -> None:
    node = server(1)
    with pytest.raises(Misuse, match="server 1 has no name yet"):
        _ = node.replica
    assert order(node, ReadLog(0, 5)).answers == [(1, Failed("it has no log yet"))]
    assert not node.is_member
    node.check()


def test_a_server_without_a_name_leaves_most_messages_aside() -> None:
    node = server(1, 0)
    for message in (Pull(1, JOIN, 0, START), Gather(1, 1, 0, START), HandOver(1), TakenOver(1, 0, START)):
        assert said(hear(node, 0, message)) == []
    assert said(hear(node, 0, Request(1, 1, Get(*place("a")), None, None))) == []
    assert said(hear(node, 0, Create(5, 1))) == [Declined], "whoever asks for a name should ask somebody else"


def test_a_message_that_is_none_for_a_server_costs_the_connection() -> None:
    node = first(1)
    effects = hear(node, 1, Answer(1, 1, OK))
    assert effects.drops == [(1, "Answer is no message for a server")]


def test_links_that_come_and_go() -> None:
    node = first(3, 1)
    assert node.servers == [1, 3]
    node.step(0.0, LinkUp(1, Hello(is_server=True)))
    node.step(0.0, LinkUp(9, Hello(is_server=False)))
    node.step(0.0, LinkDown(7))
    assert node.servers == [1, 3]
    node.step(0.0, LinkUp(3, Hello(is_server=False)))
    assert node.servers == [1], "the same address, now of a client"
    node.step(0.0, LinkDown(1))
    assert node.servers == []


def test_a_log_is_read_in_pages_of_limited_size() -> None:
    node = first(settings=Settings(limits=Limits(items=3, characters=16)))
    for key in ("a", "b", "c", "d"):
        node.replica.put(*row(key, "u"))
    node.replica.put(*row("long", "x" * 100))
    pages: list[LogPage] = []
    start = 0
    while not pages or start < pages[-1].total:
        ((_, page),) = order(node, ReadLog(start, 100)).answers
        assert isinstance(page, LogPage)
        pages.append(page)
        start += len(page.writes)
    assert [[write.key for write in page.writes] for page in pages] == [["a", "b", "c"], ["d"], ["long"]]
    assert [page.committed for page in pages] == [3, 1, 1]


def test_what_a_server_waits_for() -> None:
    node = server(5, 0)
    assert order(node, Probe()).answers == [(1, Waiting(()))]
    order(node, Join(first=False))
    assert order(node, Probe()).answers == [(1, Waiting(("waits for server 0 to give it a name",)))]
    root = Replica(ROOT)
    creation = root.create()
    hear(node, 0, Created(502, creation, root.csn, root.vector))
    waiting = "waits to take over what server 0 had when it gave it its name"
    assert order(node, Probe()).answers == [(1, Waiting((waiting,)))]
    member = first(1)
    member.exchanges.pull(1, HAND_OVER, 3)
    waiting = "waits for server 1 to send (hand-over, from item 0 on)"
    assert order(member, Probe()).answers == [(1, Waiting((waiting,)))]


# Joining.


def test_joining_twice_or_alone() -> None:
    node = first()
    assert order(node, Join(first=False)).answers == [(1, Failed("it is a member already, or becoming one"))]
    lonely = server(4)
    assert order(lonely, Join(first=False)).answers == [(1, Failed("no other server is connected to it"))]
    asking = server(4, 0)
    order(asking, Join(first=False))
    assert order(asking, Join(first=False)).answers == [
        (1, Failed("it is a member already, or becoming one"))
    ]


def test_the_connected_server_with_the_lowest_id_is_asked() -> None:
    node = server(5, 7, 2, 3)
    effects = order(node, Join(first=False))
    assert [(peer, type(message)) for peer, message in effects.sends] == [(2, Create)]


def test_who_declines_is_passed_over_until_all_have() -> None:
    node = server(5, 2, 3)
    order(node, Join(first=False))
    effects = hear(node, 2, Declined(502))
    assert [(peer, type(message)) for peer, message in effects.sends] == [(3, Create)]
    assert said(hear(node, 2, Declined(502))) == [], "an old answer"
    assert said(hear(node, 3, Declined(503))) == []
    assert alarm(node) == 1.0
    effects = node.step(1.0, Tick())
    assert [(peer, type(message)) for peer, message in effects.sends] == [(2, Create)], (
        "once more from the start"
    )


def test_a_request_for_a_name_is_repeated_and_answered_the_same() -> None:
    creator, node = first(1), server(1, 0)
    asked = only(order(node, Join(first=False)))
    answered = hear(creator, 1, asked)
    again = only(node.step(1.0, Tick()))
    assert isinstance(asked, Create)
    assert isinstance(again, Create)
    assert again.token == asked.token
    assert hear(creator, 1, again).sends[0] == answered.sends[0]
    assert len(creator.replica.log) == 1, "one creation write"


def test_a_creator_forgets_old_requests_at_last() -> None:
    creator = first(1)
    for token in range(CREATIONS_KEPT + 1):
        hear(creator, 1, Create(token, token))
    before = len(creator.replica.log)
    hear(creator, 1, Create(CREATIONS_KEPT, CREATIONS_KEPT + 1))
    assert len(creator.replica.log) == before
    hear(creator, 1, Create(0, CREATIONS_KEPT + 2))
    assert len(creator.replica.log) == before + 1


def test_a_creator_lost_before_it_answers_is_replaced() -> None:
    node = server(5, 2, 3)
    order(node, Join(first=False))
    effects = node.step(0.5, LinkDown(2))
    assert [(peer, type(message)) for peer, message in effects.sends] == [(3, Create)], "at once"


def test_a_creator_lost_in_the_middle_is_made_up_for_by_others() -> None:
    """Everything that the creator had is asked of the others in turn, until one has it."""
    nodes = system(3)
    node = server(5, 0, 1, 2)
    asked = only(order(node, Join(first=False)))
    created = hear(nodes[0], 5, asked).sends[0][1]
    hear(node, 0, created)
    assert isinstance(created, Created)
    assert said(hear(node, 0, created)) == [], "sent twice"
    for other in nodes.values():
        other.step(0.5, LinkUp(5, Hello(is_server=True)))
    now, effects = 0.5, node.step(0.5, LinkDown(0))
    # Neither of the others knows of the creation yet: what they have is not enough.
    for _ in range(3):
        ((peer, pull),) = effects.sends
        assert isinstance(pull, Pull)
        for _, part in hear(nodes[peer], 5, pull, now).sends:
            assert hear(node, peer, part, now).answers == []
        assert not node.is_member
        now = due(node)
        effects = node.step(now, Tick())
    nodes[2].replica.apply(nodes[0].replica.beyond(nodes[2].replica.csn, nodes[2].replica.vector))
    answers: list[tuple[int, Message]] = []
    for _ in range(2):
        now = due(node)
        for peer, pull in node.step(now, Tick()).sends:
            for _, part in hear(nodes[peer], 5, pull, now).sends:
                answers += hear(node, peer, part, now).answers
    assert [type(answer) for _, answer in answers] == [Joined]
    assert alarm(node) is None


def test_a_newcomer_cut_off_from_everybody_waits() -> None:
    node = server(5, 0)
    order(node, Join(first=False))
    root = Replica(ROOT)
    hear(node, 0, Created(502, root.create(), root.csn, root.vector))
    node.step(0.5, LinkDown(0))
    assert said(node.step(due(node), Tick())) == []
    assert alarm(node) == 3.5, "twice as patient"
    effects = node.step(2.0, LinkUp(1, Hello(is_server=True)))
    assert said(effects) == [Pull], "at once, as soon as there is somebody"


def test_exchanges_after_joining_say_nothing_more() -> None:
    nodes = system(2)
    nodes[1].exchanges.pull(0, JOIN, 9)
    pull = Pull(nodes[1].exchanges._serial, JOIN, nodes[1].replica.csn, nodes[1].replica.vector)
    ((_, part),) = hear(nodes[0], 1, pull).sends
    assert hear(nodes[1], 0, part).answers == []


# Exchanges.


def long_exchange() -> tuple[Server, Server]:
    """Return a server that has ten writes more than the other, who has to ask for them in small parts."""
    nodes = system(2, Settings(limits=Limits(items=2, characters=1600, parts_ahead=2)))
    for number in range(10):
        nodes[0].replica.put(*row(f"s{number}", "u"))
    nodes[1].exchanges.pull(0, HAND_OVER, 1)
    return nodes[0], nodes[1]


def pull_of(node: Server) -> Pull:
    return Pull(node.exchanges._serial, HAND_OVER, node.replica.csn, node.replica.vector)


def test_a_few_parts_are_sent_ahead_and_more_when_there_is_room() -> None:
    sender, receiver = long_exchange()
    parts = [message for _, message in hear(sender, 1, pull_of(receiver)).sends]
    assert [part.first for part in parts if isinstance(part, AntiEntropy)] == [0, 2]
    room = only(hear(receiver, 0, parts[0]))
    assert room == Continue(receiver.exchanges._serial, 2)
    more = only(hear(sender, 1, room))
    assert isinstance(more, AntiEntropy)
    assert more.first == 4
    assert said(hear(sender, 1, room)) == [], "said twice"
    assert said(hear(sender, 1, Continue(999, 4))) == [], "of another exchange"
    assert said(hear(sender, 7, Continue(1, 4))) == [], "of nobody"


def test_a_gap_ends_an_exchange_and_what_came_before_stays() -> None:
    sender, receiver = long_exchange()
    parts = [message for _, message in hear(sender, 1, pull_of(receiver)).sends]
    hear(receiver, 0, parts[0])
    assert said(hear(receiver, 0, parts[0])) == [], "doubled: passed over"
    later = AntiEntropy(receiver.exchanges._serial, 6, Items(7, [], []))
    assert said(hear(receiver, 0, later)) == []
    assert said(hear(receiver, 0, parts[1])) == [], "the exchange is over"
    assert len(receiver.replica.log) == 1 + 2
    receiver.check()


def test_a_large_write_makes_a_part_alone() -> None:
    limits = Limits(items=10, characters=9)
    writes = [Write(n, ROOT, PUT, *row("s", "x" * size)) for n, size in enumerate((1, 1, 100, 3, 2), start=1)]
    items = Items(0, writes[:3], writes[3:])
    ends, start = list[int](), 0
    while start < len(items):
        start = limits.part_end(items, start)
        ends.append(start)
    assert ends == [2, 3, 4, 5]
    assert limits.part_end(Items(0, [], []), 0) == 0


def test_while_paused_rounds_are_not_served_but_newcomers_are() -> None:
    nodes = system(2)
    order(nodes[0], Pause(paused=True))
    position = (nodes[1].replica.csn, nodes[1].replica.vector)
    late = 1 << 50
    assert said(hear(nodes[0], 1, Pull(late, ROUND, *position))) == []
    assert said(hear(nodes[0], 1, Pull(late + 1, JOIN, *position))) == [AntiEntropy]
    assert said(hear(nodes[0], 1, Pull(late + 2, HAND_OVER, *position))) == [AntiEntropy]


# Rounds.


def test_a_round_needs_a_running_member() -> None:
    nodes = system(2)
    order(nodes[0], Pause(paused=True))
    plan = Converge(1, None, (1,))
    assert order(nodes[0], plan).answers == [(1, Failed("it is paused"))]
    order(nodes[0], Pause(paused=False))
    order(nodes[0], Retire())
    hear(nodes[0], 1, Willing(1, nodes[1].replica.name))
    assert said(order(server(4), plan)) == []
    assert order(server(4), plan).answers == [(1, Failed("it is no active member"))]


def test_a_gather_that_comes_before_the_order_is_kept() -> None:
    nodes = system(2)
    nodes[1].replica.put(*row("s", "u"))
    gather = only(order(nodes[0], Converge(3, None, (1,))))
    assert said(hear(nodes[1], 0, gather)) == []
    part = only(order(nodes[1], Converge(3, 0, ())))
    back = only(hear(nodes[0], 1, part))
    assert hear(nodes[1], 0, back).answers == [(1, Converged(level=True, primary=False))]
    assert not nodes[1].replica.log.tentative


def test_gathers_of_other_rounds_and_other_servers_are_left_aside() -> None:
    nodes = system(3)
    hear(nodes[1], 0, Gather(2, 5, 0, START))
    assert said(order(nodes[1], Converge(3, 0, ()))) == [], "that was for round 2"
    assert said(hear(nodes[1], 2, Gather(3, 5, 0, START))) == [], "server 2 is not above"
    assert said(hear(nodes[1], 0, Gather(3, 6, 0, START))) == [AntiEntropy]
    assert said(hear(nodes[1], 0, Gather(3, 6, 0, START))) == [], "sent twice"
    hear(nodes[2], 0, Gather(4, 7, 0, START))
    nodes[2].step(0.0, LinkDown(0))
    nodes[2].step(0.0, LinkUp(0, Hello(is_server=True)))
    assert said(order(nodes[2], Converge(4, 0, ()))) == [], "what was asked before the connection was cut"


def test_a_round_that_takes_too_long_is_given_up() -> None:
    nodes = system(2)
    order(nodes[0], Converge(1, None, (1,)))
    assert alarm(nodes[0]) == 10.0
    assert order(nodes[0], Probe()).answers == [(1, Waiting(("waits in round 1 for server 1",)))]
    assert nodes[0].step(9.0, Tick()).answers == []
    assert nodes[0].step(10.0, Tick()).answers == [(1, Converged(level=False, primary=True))]
    assert alarm(nodes[0]) is None
    order(nodes[1], Converge(2, 0, ()))
    assert order(nodes[1], Probe()).answers == [(1, Waiting(("waits in round 2 for server 0",)))]
    effects = order(nodes[1], Converge(3, 0, ()))
    assert effects.answers == [(1, Converged(level=False, primary=False))], "a newer one replaces it"


def test_what_belongs_to_no_round_ends_nothing() -> None:
    nodes = system(2)
    serial = nodes[0].exchanges.expect(1, ROUND, 7)
    end = End(0, START, 4)
    assert said(hear(nodes[0], 1, AntiEntropy(serial, 0, Items(1, [], []), end))) == []
    order(nodes[0], Converge(8, None, (1,)))
    serial = nodes[0].exchanges._serial
    without_back = AntiEntropy(serial, 0, Items(nodes[0].replica.csn, [], []), End(0, START))
    assert said(hear(nodes[0], 1, without_back)) == [], "it does not ask for the other direction"


# Retiring.


def test_retiring_too_early_twice_or_alone() -> None:
    assert order(server(1, 0), Retire()).answers == [(1, Failed("it is no member yet"))]
    assert order(first(), Retire()).answers == [(1, Failed("no other server is connected to hear of it"))]
    nodes = system(2)
    assert said(order(nodes[1], Retire())) == [HandOver]
    assert order(nodes[1], Retire()).answers == [(1, Failed("it is retiring already"))]


def test_a_confirmation_that_does_not_cover_everything_is_none() -> None:
    nodes = system(2)
    offer = only(order(nodes[1], Retire()))
    assert isinstance(offer, HandOver)
    csn, vector = nodes[0].replica.csn, nodes[0].replica.vector
    assert not hear(nodes[1], 0, TakenOver(offer.token, csn, vector)).leave, "it lacks the retirement"
    nodes[0].replica.apply(nodes[1].replica.beyond(csn, vector))
    csn, vector = nodes[0].replica.csn, nodes[0].replica.vector
    assert not hear(nodes[1], 0, TakenOver(offer.token + 1, csn, vector)).leave, "of another hand-over"
    effects = hear(nodes[1], 0, TakenOver(offer.token, csn, vector))
    assert effects.leave
    assert effects.answers == [(1, Retired(None))]


def test_a_hand_over_that_gets_nowhere_is_begun_again() -> None:
    nodes = system(2)
    offer = only(order(nodes[1], Retire()))
    assert said(hear(nodes[0], 1, offer)) == [Pull]
    again = only(nodes[1].step(1.0, Tick()))
    assert again == offer
    assert said(hear(nodes[0], 1, again)) == [], "the exchange has only begun"
    assert said(hear(nodes[0], 1, again)) == [Pull], "it has got nowhere since"


def test_the_primary_asks_before_it_names_an_heir() -> None:
    nodes = system(3)
    ((peer, ask),) = order(nodes[0], Retire()).sends
    assert (peer, ask) == (1, AskHeir(2, ROOT))
    assert not nodes[0].replica.retired
    waiting = "waits for server 1 to agree to be the next primary"
    assert order(nodes[0], Probe()).answers == [(1, Waiting((waiting,)))]
    ((peer, ask),) = hear(nodes[0], 1, Declined(2)).sends
    assert peer == 2
    assert said(hear(nodes[0], 1, Willing(2, nodes[1].replica.name))) == [], "it was asked no more"
    ((peer, offer),) = hear(nodes[0], 2, Willing(2, nodes[2].replica.name)).sends
    assert (peer, type(offer)) == (2, HandOver), "the heir comes first, alone"
    assert order(nodes[0], Probe()).answers == [(1, Waiting(("waits for server 2 to take over",)))]
    assert nodes[0].replica.log.committed[-1].heir is nodes[2].replica.name


def test_a_heir_that_declines_when_it_has_the_duty_changes_nothing() -> None:
    nodes = system(3)
    order(nodes[0], Retire())
    hear(nodes[0], 1, Willing(2, nodes[1].replica.name))
    for node in (nodes[1], nodes[2]):
        node.replica.apply(nodes[0].replica.beyond(node.replica.csn, node.replica.vector))
    confirmed = TakenOver(2, nodes[1].replica.csn, nodes[1].replica.vector)
    ((peer, _),) = hear(nodes[0], 1, confirmed).sends
    assert peer == 2
    assert said(hear(nodes[0], 1, Declined(2))) == []
    assert hear(nodes[0], 2, confirmed).leave


def test_when_everybody_declines_they_are_asked_again_later() -> None:
    nodes = system(2)
    order(nodes[0], Retire())
    assert said(hear(nodes[0], 1, Declined(2))) == []
    assert said(nodes[0].step(1.0, Tick())) == [AskHeir]
    nodes[0].step(1.5, LinkDown(1))
    waiting = "waits for a server to be connected to it, to hand over to"
    assert order(nodes[0], Probe()).answers == [(1, Waiting((waiting,)))]
    assert said(nodes[0].step(1.6, LinkUp(1, Hello(is_server=True)))) == [AskHeir]


def test_who_promised_to_inherit_does_not_retire_before() -> None:
    nodes = system(2)
    ask = only(order(nodes[0], Retire()))
    willing = only(hear(nodes[1], 0, ask))
    assert order(nodes[1], Retire()).sends == []
    waiting = "waits for server 0 to retire, whose duty it promised to take over"
    assert order(nodes[1], Probe()).answers == [(1, Waiting((waiting,)))]
    offer = only(hear(nodes[0], 1, willing))
    pull = only(hear(nodes[1], 0, offer))
    part = only(hear(nodes[0], 1, pull))
    effects = hear(nodes[1], 0, part)
    assert nodes[1].replica.is_primary
    assert said(effects) == [TakenOver, AskHeir], "now it is its turn"


def test_a_retiring_server_takes_nothing_over() -> None:
    nodes = system(3)
    order(nodes[1], Retire())
    assert said(hear(nodes[1], 2, HandOver(5))) == [Declined]
    assert said(hear(nodes[1], 0, AskHeir(5, ROOT))) == [Declined]
    assert said(hear(nodes[1], 2, Create(5, 1))) == [Declined]
    effects = hear(nodes[1], 9, Request(1, 1, Put(*row("a", "u")), None, None))
    assert effects.sends == [(9, Answer(1, 1, REFUSED, Lacking(None, 0)))]
    assert said(hear(nodes[1], 9, Request(1, 2, Get(*place("a")), None, None))) == [Answer]


def test_while_paused_the_next_one_is_offered_what_the_lowest_declines() -> None:
    nodes = system(3)
    order(nodes[2], Pause(paused=True))
    ((peer, offer),) = order(nodes[2], Retire()).sends
    assert isinstance(offer, HandOver)
    assert peer == 0
    ((peer, _),) = hear(nodes[2], 0, Declined(offer.token)).sends
    assert peer == 1
    assert said(hear(nodes[2], 0, Declined(offer.token))) == [], "it is offered nothing at present"


def test_a_server_connected_in_the_middle_of_a_hand_over_is_to_have_it_too() -> None:
    nodes = system(2)
    order(nodes[1], Retire())
    effects = nodes[1].step(0.0, LinkUp(7, Hello(is_server=True)))
    assert sorted(peer for peer, _ in effects.sends) == [0, 7]
    effects = nodes[1].step(0.0, LinkDown(7))
    assert [peer for peer, _ in effects.sends] == [0]


# Requests.


class Steal(Ask):
    """What nobody can answer."""


def test_requests_of_no_kind_that_there_is_cost_the_connection() -> None:
    node = first()
    effects = hear(node, 9, Request(1, 1, Steal(), None, None))
    assert effects.drops == [(9, "nobody here can answer a request of the kind Steal")]
    del Ask.KINDS["Steal"]


def test_a_request_sent_again_is_carried_out_once_and_answered_the_same() -> None:
    node = first()
    put = Request(1, 1, Put(*row("a", "u")), None, None)
    answer = only(hear(node, 9, put))
    assert only(hear(node, 9, put)) == answer
    assert len(node.replica.log) == 1
    later = only(hear(node, 9, Request(1, 2, Get(*place("a")), None, None)))
    assert isinstance(later, Answer)
    assert later.reply == Got(text_value("u"))
    assert said(hear(node, 9, put)) == [], "an echo of a request answered long ago"


def test_the_session_silent_for_longest_is_forgotten_first() -> None:
    node = first(settings=Settings(sessions_max=2))
    for session in (1, 2, 1, 3):
        hear(node, 9, Request(session, node.replica.csn + 1, Put(*row("a", "u")), None, None))
    assert list(node._desk._answers) == [1, 3]


# The client.


def client(*peers: int) -> Client:
    made = Client(0, Numbers(0))
    for peer in peers:
        made.step(0.0, LinkUp(peer, Hello(is_server=True, name=ROOT)))
    return made


def test_a_client_answers_orders_that_are_none() -> None:
    assert order(client(), Join(first=True)).answers == [(1, Failed("Join is no order for a client"))]
    assert order(client(), Do(Get(*place("a")))).answers == [(1, Failed("it has no server"))]
    assert order(client(0), Probe()).answers == [(1, Waiting(()))]


def test_a_client_has_one_request_under_way() -> None:
    node = client(0)
    assert said(order(node, Do(Get(*place("a"))))) == [Request]
    assert order(node, Do(Get(*place("b")))).answers == [(1, Failed("its last request is still under way"))]
    assert order(node, Probe()).answers == [(1, Waiting(("waits for server 0 to answer",)))]
    node.check()


def test_a_request_is_repeated_until_it_is_answered() -> None:
    node = client(0)
    request = only(order(node, Do(Put(*row("a", "u")))))
    assert alarm(node) == 1.0
    assert node.step(0.9, Tick()).sends == []
    assert only(node.step(1.0, Tick())) == request
    node.step(1.5, LinkDown(0))
    assert node.step(2.0, Tick()).sends == [], "nobody to send it to"
    assert only(node.step(2.5, LinkUp(0, Hello(is_server=True, name=ROOT)))) == request
    effects = hear(node, 0, Answer(1, 1, OK, Written(4, ROOT)))
    assert effects.answers == [(1, Did(OK, None))]
    assert alarm(node) is None
    assert hear(node, 0, Answer(1, 1, OK, Written(4, ROOT))).answers == []
    assert node.session.writes.completed(ROOT) == 4


def test_a_request_is_never_sent_to_another_server() -> None:
    node = client(0)
    order(node, Do(Put(*row("a", "u"))))
    node.step(0.0, LinkDown(0))
    effects = node.step(0.0, LinkUp(1, Hello(is_server=True)))
    assert effects.sends == []
    assert effects.answers == [(1, Failed("server 0 may or may not have carried it out"))]
    node.step(0.0, LinkDown(0))
    assert node.server == 1, "that link was no longer its own"


@pytest.mark.parametrize("name", [ROOT.child(5), None])
def test_a_server_that_has_only_the_id_of_the_one_asked_is_another_one(name: Name | None) -> None:
    """It joined after that one had retired, and would carry the request out a second time; one that does not
    say its name may be such a one."""
    node = client(0)
    order(node, Do(Put(*row("a", "u"))))
    node.step(0.0, LinkDown(0))
    effects = node.step(0.0, LinkUp(0, Hello(is_server=True, name=name)))
    assert effects.sends == []
    assert effects.answers == [(1, Failed("server 0 may or may not have carried it out"))]
    assert said(order(node, Do(Get(*place("a"))))) == [Request], "the session goes on"


def test_a_server_without_a_name_is_nobody_to_come_back_to() -> None:
    node = Client(0, Numbers(0))
    node.step(0.0, LinkUp(0, Hello(is_server=True)))
    order(node, Do(Put(*row("a", "u"))))
    node.step(0.0, LinkDown(0))
    assert node.step(0.0, LinkUp(0, Hello(is_server=True))).sends == []


def test_answers_to_other_requests_are_left_aside() -> None:
    node = client(0)
    order(node, Do(Get(*place("a"))))
    for answer in (Answer(1, 7, OK), Answer(2, 1, OK)):
        assert hear(node, 0, answer).answers == []
    assert hear(node, 0, Answer(1, 1, REFUSED)).answers == [(1, Did(REFUSED, None))]
    assert node.session.reads == START
    assert node.step(99.0, Tick()).sends == []


def test_a_message_that_is_none_for_a_client_costs_the_connection() -> None:
    assert hear(client(0), 0, Retire()).drops == [(0, "Retire is no message for a client")]


# What peers tell of themselves.


@pytest.mark.parametrize(
    ("hello", "blame"), [(None, "nothing where a Hello is due"), (Done(), "Done where a Hello is due")]
)
def test_a_peer_that_tells_what_is_no_hello_is_dropped(hello: Message | None, blame: str) -> None:
    """And is nobody's peer: neither asked for anything, nor taken for a server."""
    node = first()
    node.step(0.0, LinkUp(1, Hello(is_server=True, name=ROOT.child(3))))
    effects = node.step(0.0, LinkUp(1, hello))
    assert effects.drops == [(1, blame)]
    assert node.servers == []
    assert node.peers.of(1).name is None
    client = Client(5, Numbers(5))
    effects = client.step(0.0, LinkUp(1, hello))
    assert effects.drops == [(1, blame)]
    assert client.server is None


def test_a_server_says_its_name_as_soon_as_it_has_one() -> None:
    node = server(0)
    nameless = node.hello
    assert nameless == Hello(is_server=True, name=None)
    assert node.hello is nameless  # whoever drives it sees from this that there is nothing new
    node.step(0.0, Ordered(1, Join(first=True)))
    assert node.hello == Hello(is_server=True, name=ROOT)
    assert Client(5, Numbers(5)).hello == Hello(is_server=False)
