"""What servers that run freely could get wrong without any other test noticing: found with tests/mutation.py.
Each test here fails with such a change."""

from __future__ import annotations

from bayou.node.effects import Effects
from bayou.node.exchange import Limits
from bayou.node.gossip import Habits
from bayou.node.messages import GOSSIP, AntiEntropy, News, Pull
from bayou.node.server import Server, Settings
from tests.test_nodes import hear, system

HABITS = Habits(period_s=100.0, jitter=0.0, patience_s=1.0)


def two() -> tuple[Server, Server]:
    """Return the first server and another, at rest; parts of exchanges hold one item, one at a time."""
    nodes = system(2, Settings(habits=HABITS, limits=Limits(items=1, parts_ahead=1)))
    return nodes[0], nodes[1]


def news(node: Server) -> News:
    return News(node.replica.csn, node.replica.vector)


def pulls(effects: Effects) -> list[Pull]:
    return [message for _, message in effects.sends if isinstance(message, Pull)]


def parts(effects: Effects) -> list[AntiEntropy]:
    return [message for _, message in effects.sends if isinstance(message, AntiEntropy)]


def test_an_exchange_that_gets_on_is_given_another_period_of_patience() -> None:
    """To the moment: what came in the last moment of the first one counts."""
    sender, receiver = two()
    for song in ("a", "b", "c"):
        sender.replica.put(song, "u")
    (pull,) = pulls(hear(receiver, 0, news(sender), now=10.0))
    assert pull.purpose == GOSSIP
    (part,) = parts(hear(sender, 1, pull, now=10.0))
    hear(receiver, 0, part, now=10.5)
    assert pulls(hear(receiver, 0, news(sender), now=10.9)) == []
    assert pulls(hear(receiver, 0, news(sender), now=11.0)) == [], "something came in that second"
    assert pulls(hear(receiver, 0, news(sender), now=11.9)) == [], "the next second is not over"
    (again,) = pulls(hear(receiver, 0, news(sender), now=12.0))
    assert again.vector == receiver.replica.vector, "nothing came in that second"
