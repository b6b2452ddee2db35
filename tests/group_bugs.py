"""The rules of the commit group that look as if they could be left out, and what happens then.

Each is planted in the model (tests/group_model.py), and found by random histories (``seed``: the first that
finds it), by a directed run (tests/group_runs.py), or both.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.group_rules import Rules


class Bug(NamedTuple):
    """What happens, the rules without the one left out, the first seed that finds it, the directed run that
    does."""

    what: str
    rules: Rules
    seed: int | None = None
    run: str = ""


BUGS: dict[str, Bug] = {
    "votes ahead of the items": Bug(
        "a vote is heard without what its member had committed before: a decree is taken for none",
        Rules(votes_last=False),
        seed=1_799,
        run="votes come before the writes of who votes",
    ),
    "votes ahead, and nothing held": Bug(
        "something is decided that those who decided it do not hold",
        Rules(votes_last=False, holds=False),
        seed=2,
    ),
    "a new leader adopts nothing": Bug(
        "what may have been decided under an older ballot is decided in another way",
        Rules(adopts=False),
        seed=70,
    ),
    "a promise forgets what was accepted": Bug(
        "the next leader does not learn what may have been decided",
        Rules(promise_keeps=False),
        seed=70,
    ),
    "an accepted decree is not durable": Bug(
        "a crash takes back an acceptance that others counted",
        Rules(accepted_durable=False),
        seed=2,
    ),
    "a promise is not durable": Bug(
        "after a crash a member accepts under a ballot that it had promised to leave",
        Rules(promise_durable=False),
        seed=3_021,
    ),
    "the lowest ballot is adopted": Bug(
        "of two decrees that are found the one is adopted that can't have been decided",
        Rules(highest=False),
        seed=4_680,
    ),
    "half is enough": Bug(
        "two halves of an even group decide differently",
        Rules(quorum="half"),
        seed=36,
    ),
    "f are enough": Bug(
        "two minorities decide differently",
        Rules(quorum="f"),
        seed=2,
    ),
    "two decrees for a ballot and base": Bug(
        "members accept different decrees, and take them for the same",
        Rules(one_decree=False),
        seed=8,
    ),
    "a decree is all that one holds": Bug(
        "each member commits what it happens to hold",
        Rules(says_what=False),
        seed=2,
    ),
    "a decree goes on behind a group write": Bug(
        "the old group gives CSNs that are the new group's",
        Rules(ends=False),
        seed=19_069,
        run="what stands behind a group write",
    ),
    "every group write counts": Bug(
        "two changes behind each other's back: the second brings back a server that has left",
        Rules(since=False),
        seed=2_667,
        run="named, and gone since",
    ),
    "nobody consents": Bug(
        "a server is named that is about to retire",
        Rules(consent=False),
        seed=79,
        run="named while it retires",
    ),
    "a member retires like any server": Bug(
        "the group keeps members that are gone, and in the end has no majority",
        Rules(leaves_first=False),
        seed=11,
    ),
    "a member goes before half of the new group knows": Bug(
        "who knows of the change is lost, and who remains is a minority of the old group",
        Rules(half_knows=False),
        run="gone before the new group knows",
    ),
    "a crash forgets that a member left": Bug(
        "the same: it retires like a server that never was a member",
        Rules(remembers=False),
        run="gone after a crash",
    ),
    "the CSN is the boundary": Bug(
        "a decree begins in the middle of another one", Rules(boundary=False), seed=246, run="half a decree"
    ),
    "a leader in a minority proposes": Bug(
        "lock-step: its writes go before older ones after healing, and output depends on who led",
        Rules(tree=False),
        run="lock-step with either leader",
    ),
    "a Pull is answered twice": Bug(
        "two compositions are mixed, and a write is passed over",
        Rules(once=False),
        seed=2_718,
        run="two answers to one Pull",
    ),
}
