"""Each rule of the judge by itself: histories by hand that it must refuse, and near-misses that it must
accept."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

import pytest

from bayou.check.history import History, HistoryError
from bayou.check.store import judge
from bayou.check.verdict import INVALID
from bayou.explore.trial import Trial
from bayou.families.store.generate import scenario
from bayou.families.store.knobs import setup_for
from tests.test_check import (
    CREATION,
    GOOD,
    ROOT,
    TWO,
    A,
    Event,
    answered,
    log,
    named,
    notice,
    of_row,
    put,
    served,
)

PROCESSES = {"event": "began", "version": 2, "world": "processes"}
ENDED = {"event": "ended"}
OF_SERVERS = ("log", "served", "named", "left", "installed", "truncated")
B = [2]
SECOND = [2, ROOT, 2]
THREE = [*TWO, log(0, 1, [SECOND]), named(2, B), log(2, 0, [CREATION, SECOND]), log(1, 1, [SECOND])]


def left(server: int) -> Event:
    return {"event": "left", "server": server}


def crashed(server: int) -> Event:
    return {"event": "crashed", "server": server}


def restarted(server: int) -> Event:
    return {"event": "restarted", "server": server}


def settled(*groups: list[int]) -> Event:
    return {"event": "settled", "groups": list(groups)}


def asked(server: int, number: int, kind: str, **more: Any) -> Event:
    event = {"event": "asked", "client": 9, "session": 7, "number": number, "server": server}
    return {**event, **of_row(kind), **more}


def retirement(stamp: int, name: list[int], heir: list[int] | None = None) -> list[Any]:
    return [stamp, name, 3] if heir is None else [stamp, name, 3, heir]


def own(server: int, csn: int, write: list[Any], number: int, session: int = 7) -> list[Event]:
    """A server that is not the primary accepts a request's write."""
    return [
        log(server, csn, tentative=[write]),
        {**served(server, number, "put", stamp=write[0]), "session": session},
    ]


def broken(*events: Event) -> list[str]:
    return [rule for rule, verdict in judge(History.of(events)).items() if verdict.word == INVALID]


# Ids that are used again.

REJOINED_NAME = [4]
REJOINED = [
    *TWO,
    *own(1, 1, put(2, A), 1),
    log(1, 1, tentative=[retirement(3, A)]),
    log(0, 1, tentative=[put(2, A), retirement(3, A)]),
    log(0, 1, committed=[notice(2, A), notice(3, A)]),
    left(1),
    log(0, 3, [[4, ROOT, 2]]),
    named(1, REJOINED_NAME),
    log(1, 0, [CREATION, put(2, A), retirement(3, A), [4, ROOT, 2]]),
]  # fmt: skip


def test_an_id_used_again_is_another_server() -> None:
    """What the first one had is not what the second one has, and it has not left."""
    assert broken(*REJOINED) == []
    alone = [*REJOINED, *own(1, 4, put(5, REJOINED_NAME), 2)]
    assert broken(*alone) == []
    assert broken(*alone, crashed(0)) == [], "it is here, and has it all"
    assert broken(*alone, left(1)) == ["writes"], "and now nobody has its last write"
    both = [log(0, 4, tentative=[put(5, REJOINED_NAME)]), log(0, 4, committed=[notice(5, REJOINED_NAME)])]
    assert broken(*alone, *both, left(1)) == []


def test_an_id_may_be_used_again_after_a_join_that_failed() -> None:
    """Without having left: its process was ended before it had taken over everything."""
    failed = [
        *TWO,
        log(0, 1, [SECOND]),
        named(2, B),
        log(2, 0, [CREATION]),
        log(0, 2, [[3, ROOT, 2]]),
    ]
    again = [named(2, [3]), log(2, 0, [CREATION, SECOND, [3, ROOT, 2]])]
    assert broken(*failed, *again) == []
    held = log(2, 2, tentative=[put(2, A)])
    lost = [*own(1, 1, put(2, A), 1), left(1)]
    assert "writes" in broken(*failed, held, *again, *lost), "what only the first one had is gone with it"


# Names.


@pytest.mark.parametrize(
    "events",
    [
        [*REJOINED[:-2], named(1, A)],
        [named(0, ROOT), named(1, A)],
        [*TWO, named(2, B)],
        [*TWO, log(0, 1, [put(2, ROOT)]), served(0, 1, "put", stamp=2), named(2, B)],
        [*TWO, log(3, 0, [CREATION])],
        [*TWO, log(0, 1, [SECOND]), named(2, B), served(2, 1, "get", read=None)],
        [
            *TWO,
            log(0, 1, [SECOND]),
            named(2, B),
            log(2, 0, [CREATION]),
            log(2, 1, tentative=[retirement(3, B)]),
        ],
    ],
    ids=["old", "no creation", "no such creation", "of a put", "none", "early read", "early write"],
)
def test_a_name_is_new_and_of_a_creation_write(events: list[Event]) -> None:
    assert "names" in broken(*events)


def test_a_name_may_be_heard_of_before_its_creation_write() -> None:
    """As the master may hear of the new server first; or never of its creator's last words, if that is
    killed."""
    swapped = [TWO[0], TWO[2], TWO[3], TWO[1]]
    assert broken(*swapped) == []
    lost = [PROCESSES, named(0, ROOT), named(1, A), log(1, 0, [CREATION])]
    assert broken(*lost, crashed(0), ENDED) == []
    assert "writes" in broken(*lost, ENDED)


# Requests.


@pytest.mark.parametrize(
    "events",
    [
        [*GOOD[:1], *GOOD[2:]],
        [*GOOD[:3], *GOOD[4:]],
        [log(1, 1, tentative=[put(2, A)])],
        [answered(1)],
        [served(0, 1, "get", "refused"), answered(1)],
        [*GOOD[:2], {**answered(1), "stamp": 3, "by": A}],
        [*GOOD[:2], {**answered(1), "stamp": 2, "by": ROOT}],
        [*GOOD[:4], {**answered(2), "value": "other"}],
        [*GOOD[:2], asked(1, 1, "put", value="other")],
        [*GOOD[:2], asked(0, 1, "put", value="u")],
        [*GOOD[:2], asked(1, 1, "delete")],
        [*GOOD[:4], asked(1, 2, "put", value="u")],
    ],
)
def test_what_was_answered_was_served_and_what_was_served_was_asked(events: list[Event]) -> None:
    assert "requests" in broken(*TWO, *events)


def test_answers_as_they_should_be() -> None:
    told = [{**answered(1), "stamp": 2, "by": A}, {**answered(2), "value": "u"}]
    assert broken(*TWO, *GOOD[:2], told[0], asked(1, 1, "put", value="u"), *GOOD[3:4], told[1]) == []
    assert broken(*TWO, told[1], *GOOD[:4], asked(1, 2, "get"), told[0]) == [], "heard in another order"


def test_the_last_answers_of_a_process_may_be_missing() -> None:
    """Where it was killed, or the trace ended before it had told; not those before its last."""
    unserved = [PROCESSES, *TWO, asked(1, 1, "get"), {**answered(1), "value": None}]
    assert broken(*unserved) == []
    assert broken(*unserved, ENDED) == ["requests"]
    assert broken(*unserved, crashed(1), ENDED) == []
    assert broken(*unserved, crashed(0), ENDED) == ["requests"], "that is another one"
    assert broken(*unserved, served(1, 2, "get", read=None)) == ["requests"]


def test_an_answer_given_again_is_the_same() -> None:
    """Though its log has gone on since: the client may have heard either."""
    first, again = served(0, 1, "get", read=None), served(0, 1, "get", read=None)
    between = [*own(1, 1, put(2, A), 1, session=8), log(0, 1, tentative=[put(2, A)])]
    assert broken(*TWO, first, *between, again) == []
    assert broken(*TWO, first, *between, {**again, "read": "u"}) == ["requests"]
    assert broken(*TWO, first, *between, {**again, "verdict": "refused", "read": None}) != []
    crash = [crashed(0), restarted(0)]
    assert broken(*TWO, first, *between, *crash, {**again, "read": "u"}) == [], (
        "reads are forgotten in a crash"
    )
    assert broken(*TWO, first, *between, *crash, again) == ["reads"], "and read afresh"


def test_a_read_answered_twice_counts_as_the_one_that_was_heard() -> None:
    """A session that may have heard the earlier answer has not read what came after it."""
    first = [
        served(0, 1, "get", read=None),
        *own(1, 1, put(2, A), 1, session=8),
        log(0, 1, tentative=[put(2, A)]),
    ]
    twice = [*TWO, *first, served(0, 1, "get", read=None), answered(1)]
    elsewhere = [*THREE[4:], served(2, 2, "get", read=None)]
    assert broken(*TWO, *first, answered(1), log(0, 1, [notice(2, A)])) == []
    assert "MR" not in broken(*twice, *elsewhere)
    assert "MR" in broken(*TWO, *first[1:], served(0, 1, "get", read="u"), answered(1), *elsewhere)


# Refusals.


@pytest.mark.parametrize("chosen", ["RYW", "MR", "WFR", "MW"])
@pytest.mark.parametrize("kind", ["get", "put"])
@pytest.mark.parametrize("earlier", ["get", "put"])
def test_a_refusal_is_asked_for_by_a_chosen_guarantee(chosen: str, kind: str, earlier: str) -> None:
    """A request after another one, at a server that lacks what that read or wrote: refused with reason where
    the one guarantee chosen looks from the one kind at the other, and without where not."""
    began = {"event": "began", "version": 2, "families": {"store": {"guarantees": [chosen]}}}
    done = [*own(1, 1, put(2, A), 1)] if earlier == "put" else [
        *own(1, 1, put(2, A), 1, session=8), served(1, 1, "get", read="u")
    ]  # fmt: skip
    refused = served(0, 2, kind, "refused")
    asks = {("put", "get"): "RYW", ("get", "get"): "MR", ("get", "put"): "WFR", ("put", "put"): "MW"}
    needed = asks[earlier, kind] == chosen
    assert broken(began, *TWO, *done, answered(1), refused) == ([] if needed else ["refusals"])
    assert broken(began, *TWO, *done, refused) == ["refusals"], "the client never heard of it"
    there = log(0, 1, tentative=[put(2, A)])
    assert broken(began, *TWO, *done, answered(1), there, refused) == ["refusals"], "it is there"


def test_a_retired_server_may_refuse_writes() -> None:
    retiring = [*TWO, log(1, 1, tentative=[retirement(2, A)])]
    assert broken(*retiring, served(1, 1, "put", "refused")) == []
    assert broken(*TWO, served(1, 1, "put", "refused")) == ["refusals"]


def test_a_refusal_after_a_crash_is_another_one() -> None:
    there = [
        *own(1, 1, put(2, A), 1),
        answered(1),
        served(0, 2, "get", "refused"),
        log(0, 1, tentative=[put(2, A)]),
    ]
    assert broken(*TWO, *there, served(0, 2, "get", "refused")) == [], "given again"
    crash = [crashed(0), restarted(0)]
    assert broken(*TWO, *there, *crash, served(0, 2, "get", "refused")) == ["refusals"]
    assert broken(*TWO, *there, *crash, served(0, 2, "get", read="u")) == []


# Logs.


def test_the_order_of_commitment_is_causal() -> None:
    """Whatever each log looks like: the primary may not commit a write before what it depends on."""
    before = [
        *own(1, 1, put(2, A), 1),
        *own(1, 1, put(3, A, "v"), 2),
        log(0, 1, tentative=[put(2, A), put(3, A, "v")]),
    ]
    assert broken(*TWO, *before, log(0, 1, [notice(2, A), notice(3, A)])) == []
    assert broken(*TWO, *before, log(0, 1, [notice(3, A), notice(2, A)])) == ["causal order"]
    assert broken(*TWO, *before, log(0, 1, [notice(3, A)])) == ["causal order"], "not yet committed at all"


def test_the_order_of_commitment_need_not_be_that_of_stamps() -> None:
    """Where neither knew of the other."""
    events = [
        *THREE,
        *own(1, 2, put(3, A), 1, session=8),
        *own(2, 2, put(4, B, "v"), 1),
        log(0, 2, tentative=[put(4, B, "v")]), log(0, 2, [notice(4, B)]),
        log(0, 3, tentative=[put(3, A)]), log(0, 3, [notice(3, A)]),
    ]  # fmt: skip
    assert broken(*events) == []


@pytest.mark.parametrize("at", [5, 6, 10])
def test_a_log_event_is_processed_once(at: int) -> None:
    """Tentative writes, a commitment, a commitment of what was not there."""
    events = [*TWO, *GOOD[:-1]]
    at = {5: 4, 6: 10, 10: 13}[at]
    assert events[at]["event"] == "log"
    assert "writes" in broken(*events[: at + 1], *events[at:])
    assert broken(*events) == []


def test_a_write_may_be_lost_with_all_who_had_it() -> None:
    lost = [*TWO, *own(1, 1, put(2, A), 1)]
    assert broken(*lost, crashed(1)) == []
    assert broken(*lost, crashed(1), restarted(1)) == [], "it still has it"
    assert broken(*lost, left(1)) == ["writes"]
    handed_on = [*THREE, *own(1, 2, put(3, A), 1), log(1, 2, tentative=[retirement(4, A)])]
    handed_on += [log(2, 2, tentative=[put(3, A), retirement(4, A)]), left(1)]
    assert broken(*handed_on) == []
    assert broken(*handed_on, crashed(2)) == [], "whoever took it over crashed"
    assert broken(*handed_on, left(2)) == ["writes"]


def test_a_notice_is_of_a_committed_write() -> None:
    with pytest.raises(HistoryError, match="a notice"):
        History.of([log(0, 0, tentative=[notice(2, A)])])


def test_a_log_event_says_how_far_its_server_had_come() -> None:
    assert broken(*TWO, *own(1, 1, put(2, A), 1)) == []
    assert broken(*TWO, *own(1, 0, put(2, A), 1)) == ["writes"]
    assert broken(*TWO, *own(1, 2, put(2, A), 1)) == ["CSN"]


# The primary.

HANDED_ON = [*TWO, log(0, 1, [retirement(2, ROOT, A)])]


@pytest.mark.parametrize(
    "events",
    [
        [*TWO, *own(1, 1, put(2, A), 1), log(1, 1, [notice(2, A)])],
        [*TWO, log(1, 1, [put(2, A)])],
        [*TWO, log(0, 1, tentative=[retirement(2, ROOT)]), left(0)],
        [*TWO, left(0)],
        [*HANDED_ON, left(0)],
        [*HANDED_ON, log(1, 1, [retirement(2, ROOT, A)]), left(0), left(1)],
        [*TWO, log(0, 1, [retirement(2, ROOT, [7])])],
        [*TWO, log(0, 1, [retirement(2, ROOT)])],
        [*THREE, log(1, 2, tentative=[[3, A, 3, B]]), log(0, 2, [[3, A, 3, B]])],
    ],
    ids=[
        "another marks", "its own", "no heir", "just left", "the heir does not know", "both left",
        "an heir that is not", "heirless", "an heir of another",
    ],
)  # fmt: skip
def test_only_the_primary_commits_and_there_is_one(events: list[Event]) -> None:
    assert "one primary" in broken(*events)


@pytest.mark.parametrize(
    "events",
    [
        [*TWO, crashed(0), *own(1, 1, put(2, A), 1), settled([1])],
        [*TWO, *own(1, 1, put(2, A), 1), settled([0], [1])],
        HANDED_ON,
        [*HANDED_ON, settled([0], [1])],
        [*HANDED_ON, crashed(0)],
        [*HANDED_ON, log(1, 1, [retirement(2, ROOT, A)]), left(0)],
        [*HANDED_ON, log(1, 1, [retirement(2, ROOT, A)]), left(0), crashed(1)],
        [*TWO, log(1, 1, [retirement(2, ROOT, A)]), log(0, 1, [retirement(2, ROOT, A)]), left(0)],
    ],
    ids=[
        "crashed",
        "cut off",
        "on its way",
        "at rest",
        "crashed on its way",
        "there",
        "crashed there",
        "other order",
    ],
)
def test_a_primary_may_be_out_of_reach(events: list[Event]) -> None:
    """Crashed, cut off, or on its way to its heir."""
    assert broken(*events) == []


def test_who_commits_its_own_write_at_once_gives_the_number() -> None:
    """Even where the primary has the same write there."""
    events = [log(1, 1, [put(2, A)]), served(1, 1, "put", stamp=2), log(0, 1, [put(2, A)])]
    assert broken(*TWO, *events) == ["one primary"]
    heir = [
        *HANDED_ON,
        log(1, 1, [retirement(2, ROOT, A)]),
        log(1, 2, [put(3, A)]),
        served(1, 1, "put", stamp=3),
    ]
    assert broken(*heir) == []
    assert broken(*heir, log(0, 2, [put(3, A)]), left(0)) == []


def test_a_process_that_was_killed_may_have_committed_more() -> None:
    events = [PROCESSES, *TWO, *own(1, 1, put(2, A), 1), log(1, 1, [notice(2, A)])]
    assert broken(*events, crashed(0), ENDED) == []
    assert broken(*events) == [], "the primary has not told everything yet"
    assert broken(*events, ENDED) == ["one primary"]


# Runs: in other orders, and mangled.


def interleaved(events: list[Event], rng: random.Random) -> list[Event]:
    """The same run as another master might have heard of it: each node's own events in order, and what the
    master says of all of them in its place."""
    heard: list[Event] = []
    queues: dict[object, list[Event]] = {}
    for event in [*events, None]:
        node = None
        if event is not None and event["event"] in OF_SERVERS:
            node = "server", event["server"]
        elif event is not None and event["event"] in ("asked", "answered"):
            node = "client", event["client"]
        if node is not None and event is not None:
            queues.setdefault(node, []).append(event)
            continue
        if event is None or event["event"] in ("settled", "crashed", "restarted"):
            while queues:
                one = rng.choice(sorted(queues, key=str))
                heard.append(queues[one].pop(0))
                if not queues[one]:
                    del queues[one]
        if event is not None:
            heard.append(event)
    return heard


@pytest.fixture(scope="module")
def runs() -> list[list[Event]]:
    return [Trial(scenario(seed), setup_for(seed)).run().events for seed in range(15)]


def test_the_order_in_which_servers_are_heard_makes_no_difference(runs: list[list[Event]]) -> None:
    """But for votes, which are about what others had said before."""
    rng = random.Random(5)
    differ = 0
    for events in runs:
        if any(event["event"] == "voted" for event in events):
            continue
        for _ in range(5):
            other = interleaved(events, rng)
            differ += other != events
            assert broken(*other) == []
    assert differ > 20


def unnamed(events: list[Event], rng: random.Random) -> list[Event]:
    """Let a server that did something never have had a name."""
    named = [at for at, event in enumerate(events) if event["event"] == "named"]
    first = {events[at]["server"]: at for at in reversed(named)}
    at = rng.choice([at for at in first.values() if _does_something(events[at + 1 :], events[at]["server"])])
    return [*events[:at], *events[at + 1 :]]


def _does_something(events: list[Event], server: int) -> bool:
    own = (event["event"] for event in events if event.get("server") == server)
    return next((kind for kind in own if kind in ("log", "named")), "") == "log"


def unserved(events: list[Event], rng: random.Random) -> list[Event]:
    """Drop all services of a request whose answer was heard."""
    heard = [(event["session"], event["number"]) for event in events if event["event"] == "answered"]
    return _without_service(events, rng.choice(heard))


def unserved_write(events: list[Event], rng: random.Random) -> list[Event]:
    """Drop all services of a request that became a write, whether its client heard of it or not."""
    made = [(e["session"], e["number"]) for e in events if e["event"] == "served" and "stamp" in e]
    key = rng.choice(made)
    unheard = [e for e in events if e["event"] != "answered" or (e["session"], e["number"]) != key]
    return _without_service(unheard, key)


def _without_service(events: list[Event], key: tuple[int, int]) -> list[Event]:
    return [e for e in events if e["event"] != "served" or (e["session"], e["number"]) != key]


def uncreated(events: list[Event], rng: random.Random) -> list[Event]:
    """Give a server a name of a creation write that is not there."""
    at = rng.choice([at for at, event in enumerate(events) if event["event"] == "named" and event["name"]])
    name = [events[at]["name"][0] + 1, *events[at]["name"][1:]]
    return [*events[:at], {**events[at], "name": name}, *events[at + 1 :]]


def old_name(events: list[Event], rng: random.Random) -> list[Event]:
    """Let an id join again under its old name."""
    name = rng.choice([event for event in events if event["event"] == "named"])
    return [*events, left(name["server"]), name]


def doubled(events: list[Event], rng: random.Random) -> list[Event]:
    """Let a log event be processed twice."""
    at = rng.choice([at for at, event in enumerate(events) if event["event"] == "log"])
    return [*events[: at + 1], *events[at:]]


def all_leave(events: list[Event], rng: random.Random) -> list[Event]:
    """Let everybody be gone in the end, the primary too."""
    ids = {event["server"]: None for event in events if event["event"] == "named"}
    return [*events, *(left(server) for server in rng.sample(list(ids), len(ids)))]


@pytest.mark.parametrize(
    ("rule", "mangle"),
    [
        ("requests", unserved),
        ("requests", unserved_write),
        ("names", unnamed),
        ("names", uncreated),
        ("names", old_name),
        ("writes", doubled),
        ("one primary", all_leave),
    ],
    ids=count(1),
)
def test_a_mangled_run_is_refused_by_the_rule(rule: str, mangle: Any, runs: list[list[Event]]) -> None:
    """Each of these kinds, in each run, in whatever order servers are heard."""
    rng = random.Random(7)
    for events in runs:
        mangled = mangle(events, rng)
        assert rule in broken(*mangled)
        assert rule in broken(*interleaved(mangled, rng))
