"""What a server answers to those who ask for a change of the commit group, one input at a time."""

from __future__ import annotations

import pytest

from bayou.core.name import ROOT, Name
from bayou.machine.effects import LinkDown, Ordered, Received, Tick
from bayou.machine.messages import Done, Failed, Message, Probe, Waiting
from bayou.node.messages import (
    AskConsent,
    Consent,
    Consented,
    Declined,
    GroupIs,
    Pause,
    Regroup,
    Retire,
    SetGroup,
    TellGroup,
)
from bayou.node.regrouping import TRIES_MAX
from bayou.node.server import Server
from bayou.wire.errors import WireError
from bayou.wire.votes import unpack_vote, unpack_votes
from tests.test_group_corners import grouped, named

NOBODY = Name.of((77,))


def ask(node: Server, order: Message, at: float = 0.0) -> Message | None:
    """Return what a server answers to an order at once, None where it answers later."""
    answers = node.step(at, Ordered(5, order)).answers
    return answers[0][1] if answers else None


def why(answer: Message | None) -> str:
    assert isinstance(answer, Failed), answer
    return answer.why


def names(nodes: dict[int, Server], *ids: int) -> tuple[Name, ...]:
    return tuple(sorted(nodes[id].replica.name for id in ids))


def test_what_can_not_be_a_group_is_refused() -> None:
    nodes = named(3)
    ids = sorted(nodes)
    first = nodes[ids[0]]
    assert "without members" in why(ask(first, SetGroup(())))
    assert "is known here" in why(ask(first, SetGroup((ROOT, NOBODY))))
    assert "changed meanwhile" in why(ask(first, SetGroup((ROOT,), 3)))
    first.step(0.0, LinkDown(ids[1]))
    assert "not connected to this server" in why(ask(first, SetGroup(names(nodes, *ids[:2]))))


def test_consents_are_brought_and_asked_for_again() -> None:
    nodes = named(3)
    ids = sorted(nodes)
    first, members = nodes[ids[0]], names(nodes, *ids)
    effects = first.step(0.0, Ordered(5, SetGroup(members)))
    asked = [(peer, message) for peer, message in effects.sends if isinstance(message, AskConsent)]
    assert [peer for peer, _ in asked] == ids[1:]
    told = ask(first, Probe())
    assert isinstance(told, Waiting)
    assert sum("to consent" in line for line in told.lines) == 2
    due = first.wake_at
    assert due is not None
    again = first.step(due, Tick()).sends
    assert [peer for peer, message in again if isinstance(message, AskConsent)] == ids[1:]
    token = asked[0][1].token
    first.step(due, Received(ids[1], Consented(token + 1)))  # of another change
    first.step(due, Received(ids[1], Consented(token)))
    assert not first.step(due, Received(ids[1], Consented(token))).answers
    done = first.step(due, Received(ids[2], Consented(token))).answers
    assert done == [(5, Done())]
    assert first.replica.group == members


def test_who_is_asked_for_a_change_again_and_again_says_who_does_not_answer() -> None:
    nodes = named(3)
    ids = sorted(nodes)
    first = nodes[ids[0]]
    first.step(0.0, Ordered(5, SetGroup(names(nodes, *ids))))
    answers: list[tuple[int, Message]] = []
    for _ in range(TRIES_MAX + 1):
        due = first.wake_at
        if due is None:
            break
        answers += first.step(due, Tick()).answers
    assert len(answers) == 1
    assert "no consent of" in why(answers[0][1])
    assert len(first.replica.group) == 1


def test_a_newcomer_that_declines_ends_the_change() -> None:
    nodes = named(3)
    ids = sorted(nodes)
    first = nodes[ids[0]]
    effects = first.step(0.0, Ordered(5, SetGroup(names(nodes, *ids))))
    token = next(message.token for _, message in effects.sends if isinstance(message, AskConsent))
    first.step(0.0, Received(ids[1], Declined(token + 1)))
    ((_, answer),) = first.step(0.0, Received(ids[1], Declined(token))).answers
    assert "does not consent" in why(answer)


def test_another_change_takes_the_place_of_one_that_waits() -> None:
    nodes = named(3)
    ids = sorted(nodes)
    first = nodes[ids[0]]
    first.step(0.0, Ordered(5, SetGroup(names(nodes, *ids))))
    answers = first.step(0.0, Ordered(6, SetGroup(names(nodes, *ids[:2])))).answers
    assert [number for number, _ in answers] == [5]
    assert "another change" in why(answers[0][1])


def test_a_server_tells_of_the_group_and_keeps_its_word() -> None:
    nodes = grouped(3, 0, 1, 2)
    node = nodes[2]
    told = ask(node, TellGroup())
    assert isinstance(told, GroupIs)
    assert told.stand.members == names(nodes, 0, 1, 2)
    assert not told.is_free
    assert "later group" in why(ask(node, Consent(0)))
    assert isinstance(ask(node, Consent(told.stand.epoch)), Done)
    told = ask(node, TellGroup())
    assert isinstance(told, GroupIs)
    assert told.is_bound
    assert "has consented" in why(ask(node, Retire()))
    assert "later group" in why(ask(node, Regroup((ROOT,), 1)))
    assert "is known here" in why(ask(node, Regroup((ROOT, NOBODY), told.stand.epoch, is_trial=True)))


def test_who_leaves_consents_to_nothing() -> None:
    nodes = grouped(3, 0, 1, 2)
    node, epoch = nodes[2], nodes[2].replica.epoch
    node.step(0.0, Ordered(8, Retire()))
    assert "retiring" in why(ask(node, Consent(epoch)))
    assert "leaving" in why(ask(node, SetGroup((ROOT,))))
    waiting = ask(node, Probe())
    assert isinstance(waiting, Waiting)
    assert any("commit group" in line or "to consent" in line for line in waiting.lines)
    sends = node.step(0.0, Received(0, AskConsent(3, epoch))).sends
    assert (0, Declined(3)) in sends


def test_a_server_without_a_name_knows_of_no_group() -> None:
    from random import Random

    node = Server(0, Random(1))
    assert "no name yet" in why(ask(node, TellGroup()))
    assert ask(node, Pause(paused=True)) == Done()


@pytest.mark.parametrize(
    "plain",
    [
        None,
        (),
        (1, 2),
        ((), 0, 0, (), (1,)),
        ((), -1, 0, (), None),
        ((), 0, "1", (), None),
        ((), 0, 1 << 70, (), None),
    ],
)
def test_plain_data_that_is_no_vote(plain: object) -> None:
    with pytest.raises(WireError):
        unpack_vote(plain)
    with pytest.raises(WireError):
        unpack_votes([plain])
