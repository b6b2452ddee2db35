"""The judge's rules about the commit group: a history by hand that is right, and many that are nearly so; the
worked scenarios, judged."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.check.history import History, HistoryError
from bayou.check.store import judge
from bayou.check.verdict import INVALID
from bayou.explore.trial import Trial
from bayou.worlds.simulated.setup import Setup
from tests.test_check import ROOT, A, Event, log, notice, put
from tests.test_check_bases import installed
from tests.test_check_rules import ENDED, PROCESSES, THREE, B, crashed, left, own, retirement, settled

ALL = [ROOT, A, B]
GROUP = [3, ROOT, 6, 0, ALL]
WRITE = put(4, A)
UPTO = [[ROOT, 3], [A, 4], [B, 2]]
FIRST = [1, ROOT]
DECREE = [FIRST, 3, UPTO]


def consented(server: int, epoch: int = 0) -> Event:
    return {"event": "consented", "server": server, "epoch": epoch}


def voted(server: int, ballot: list[Any], accepted: list[Any] | None = None, epoch: int = 3) -> Event:
    return {"event": "voted", "server": server, "epoch": epoch, "ballot": ballot, "accepted": accepted}


CONSENTS = [consented(0), consented(1), consented(2)]
MADE = [*THREE, *CONSENTS, log(0, 2, [GROUP]), log(1, 2, [GROUP]), log(2, 2, [GROUP])]
ENTERED = [voted(server, [0, ROOT]) for server in (0, 1, 2)]
WRITTEN = [*own(1, 3, WRITE, 1), log(0, 3, tentative=[WRITE])]
PROMISED = [voted(0, FIRST), voted(1, FIRST)]
PROPOSED = [voted(0, FIRST, DECREE)]
DECIDED = [log(1, 3, [notice(4, A)]), voted(1, FIRST, DECREE)]
"""Server 1 accepts it, and so decides: both in one step."""
SPREAD = [log(0, 3, [notice(4, A)]), log(2, 3, [WRITE]), voted(2, FIRST)]
REST = [settled([0, 1, 2])]
GOOD = [*MADE, *ENTERED, *WRITTEN, *PROMISED, *PROPOSED, *DECIDED, *SPREAD, *REST]

SMALLER = [1, ROOT, 6, 3, [A, B]]


def verdicts(*events: Event) -> dict[str, str]:
    return {
        rule: verdict.broken[0][1]
        for rule, verdict in judge(History.of(events)).items()
        if verdict.word == INVALID
    }


def without(*gone: Event, events: list[Event] = GOOD) -> list[Event]:
    """Return the good history without these events: the very ones, not their equals."""
    return [event for event in events if not any(event is one for one in gone)]


def instead(old: Event, *new: Event, events: list[Event] = GOOD) -> list[Event]:
    return [one for event in events for one in (new if event is old else (event,))]


def test_a_good_history_is_valid() -> None:
    found = judge(History.of(GOOD))
    assert {rule: verdict.broken for rule, verdict in found.items() if verdict.broken} == {}
    assert [found[rule].word for rule in ("votes", "decrees", "consent", "level")] == ["valid"] * 4
    untouched = judge(History.of(THREE))
    assert [untouched[rule].word for rule in ("votes", "decrees", "consent")] == ["unknown"] * 3


@pytest.mark.parametrize(
    ("events", "rule", "why"),
    [
        (without(DECIDED[1]), "decrees", "CSN 4 was given to (4 by <1>), and no majority of <>, <1>, <2>"),
        (without(PROPOSED[0]), "decrees", "no majority of <>, <1>, <2> has accepted a decree behind 3"),
        (
            [*MADE, *ENTERED, *WRITTEN, *PROMISED, *DECIDED, *PROPOSED, *SPREAD],
            "decrees",
            "accepted that later, at event",
        ),
        (
            [voted(0, FIRST, [FIRST, 3, [*UPTO[:1], [A, 3], UPTO[2]]]) if event is PROPOSED[0] else event
             for event in GOOD],
            "votes",
            "another decree of ballot 1 of <> behind 3 than server 0",
        ),
        (
            [*MADE, *ENTERED, *own(1, 3, WRITE, 1), *own(2, 3, put(4, B), 2),
             log(0, 3, tentative=[put(4, B), WRITE]), *PROMISED,
             voted(0, FIRST, [FIRST, 3, [[ROOT, 3], [A, 4], [B, 4]]]),
             log(1, 3, tentative=[put(4, B)]), log(1, 3, [notice(4, B), notice(4, A)]),
             voted(1, FIRST, [FIRST, 3, [[ROOT, 3], [A, 4], [B, 4]]])],
            "decrees",
            "CSN 4 was given to (4 by <2>), and the decree behind 3 gives it to (4 by <1>)",
        ),
        (without(WRITTEN[-1]), "votes", "server 0 accepts a decree behind 3 that names (4 by <1>)"),
        (without(PROMISED[1]), "votes", "of ballot 1 of <>, which 1 of 3 members have promised"),
        ([*GOOD, voted(2, [0, ROOT])], "votes", "server 2 votes in epoch 3, and its vote of event"),
        ([*GOOD, voted(2, FIRST)], "votes", "was a later one"),
        ([*GOOD, voted(2, FIRST, [[2, ROOT], 3, UPTO])], "votes", "a decree of ballot 2 of <> that can't be"),
        ([*GOOD, voted(2, FIRST, [FIRST, 5, UPTO])], "votes", "behind 5, and has come to CSN 4"),
        ([*GOOD, voted(2, [2, A], [[2, B], 4, UPTO])], "votes", "that can't be"),
        (
            [*GOOD, voted(2, [2, A]), voted(0, [2, A]), voted(2, [2, A], [[2, A], 4, UPTO])],
            "votes",
            "server 2 accepts a decree of ballot 2 of <1> behind 4 before its leader does",
        ),
        ([*GOOD, voted(2, [2, B], epoch=4)], "votes", "server 2 votes in epoch 4, and"),
        ([*MADE[:-1], *ENTERED], "votes", "server 2 votes in epoch 3, and knows of epoch 0 alone"),
        (without(CONSENTS[2]), "consent", "to which <2> has not consented"),
        (
            [*GOOD, consented(1, 3), log(1, 4, tentative=[[5, A, 6, 3, ALL]])],
            "consent",
            "server 1 accepts the group <>, <1>, <2>, to which no majority of them has consented",
        ),
        (
            [*THREE, *CONSENTS, log(1, 2, tentative=[retirement(3, A)])],
            "consent",
            "server 1 retires, and has consented to a change of the group of epoch 0",
        ),
        (
            [*GOOD, log(2, 4, tentative=[retirement(5, B)])],
            "consent",
            "server 2 retires, and is a member of the group <>, <1>, <2>",
        ),
        ([*GOOD, log(0, 4, [put(5, ROOT)])], "one primary", "the group <>, <1>, <2>, and it gave CSN 5 to"),
        ([*GOOD, left(2)], "one primary", "nobody is primary: <2> has left"),
        (
            [*GOOD, *own(1, 4, put(5, A), 2), log(0, 4, tentative=[put(5, A)]),
             log(2, 4, tentative=[put(5, A)]), *REST],
            "level",
            "is with a majority of the commit group, at rest, and has not committed (5 by <1>)",
        ),
        (
            [*MADE, log(0, 3, tentative=[[4, ROOT, 6, 0, [ROOT]]])],
            "consent",
            "server 0 accepts the group <> of epoch 0, in epoch 3",
        ),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_told(events: list[Event], rule: str, why: str) -> None:
    found = verdicts(*events)
    assert rule in found, found
    assert why in found[rule]


def test_the_minority_need_not_have_committed() -> None:
    apart = [*own(1, 4, put(5, A), 2), settled([1], [0, 2])]
    assert "level" not in verdicts(*GOOD, *apart)


def test_two_decrees_that_majorities_accepted_are_one() -> None:
    """0 and 1 accept one, and then 1 and 2 another with less behind the same boundary."""
    second = [[2, B], 3, [[ROOT, 3], [A, 3], [B, 2]]]
    more = [voted(1, [2, B]), voted(2, [2, B]), voted(2, [2, B], second), voted(1, [2, B], second)]
    assert "two decrees behind 3" in verdicts(*GOOD[:-1], *more)["decrees"]


def test_a_leader_takes_over_what_it_finds() -> None:
    """What 0 had accepted, for the next one who leads, unless a majority had accepted nothing."""
    alone = [*MADE, *ENTERED, *WRITTEN, log(2, 3, tentative=[WRITE]), *PROMISED, *PROPOSED]
    found = [*alone, voted(1, [2, A]), voted(0, [2, A], DECREE)]
    other = [[2, A], 3, [[ROOT, 3], [A, 4], [B, 1]]]
    assert verdicts(*found, voted(1, [2, A], [[2, A], *DECREE[1:]])) == {}
    assert "not what those who promised it" in verdicts(*found, voted(1, [2, A], other))["votes"]
    assert verdicts(*found, voted(2, [2, A]), voted(1, [2, A], other)) == {}


def test_a_decree_ends_with_the_group_write_that_counts() -> None:
    """What stands behind it is the new group's: of server 1 alone here, which marks it at once."""
    change, write = [4, A, 6, 3, [A]], put(5, A)
    upto = [[ROOT, 3], [A, 5], [B, 2]]
    decree = [FIRST, 3, upto]
    events = [
        *MADE, *ENTERED, consented(1, 3), log(1, 3, tentative=[change]), *own(1, 3, write, 1),
        log(0, 3, tentative=[change, write]), *PROMISED, voted(0, FIRST, decree),
    ]  # fmt: skip
    marked = [log(1, 3, [notice(4, A)]), voted(1, FIRST, decree), log(1, 4, [notice(5, A)])]
    assert verdicts(*events, *marked) == {}
    beyond = log(0, 3, [notice(4, A), notice(5, A)])
    assert "not by the primary, <1>" in verdicts(*events, beyond, voted(1, FIRST, decree))["one primary"]


def test_a_change_made_in_another_epoch_changes_nothing() -> None:
    """Two are made at the same time: the one committed first counts."""
    first, second = [4, A, 6, 3, [A, B]], [5, B, 6, 3, [B]]
    upto = [[ROOT, 3], [A, 4], [B, 5]]
    decree = [FIRST, 3, upto]
    consents = [consented(1, 3), consented(2, 3)]
    events = [
        *MADE, *ENTERED, *consents, log(1, 3, tentative=[first]), log(2, 3, tentative=[second]),
        log(0, 3, tentative=[first, second]), log(1, 3, tentative=[second]), *PROMISED,
        voted(0, FIRST, decree), log(1, 3, [notice(4, A)]), voted(1, FIRST, decree),
        voted(1, [0, ROOT], epoch=4),
        log(2, 3, tentative=[first]), log(2, 3, [notice(4, A)]),
        voted(2, [0, ROOT], epoch=4),
    ]  # fmt: skip
    assert verdicts(*events) == {}
    lead = [2, B]
    rest = [[[ROOT, 3], [A, 4], [B, 5]]]
    again = [lead, 4, *rest]
    more = [
        voted(2, lead, epoch=4), voted(1, lead, epoch=4), voted(2, lead, again, epoch=4),
        log(1, 4, [notice(5, B)]), voted(1, lead, again, epoch=4), log(2, 4, [notice(5, B)]), settled([1, 2]),
    ]  # fmt: skip
    assert verdicts(*events, *more) == {}


def test_a_former_member_waits_for_half_of_the_new_group() -> None:
    change = [4, A, 6, 3, [ROOT, A]]
    decree = [FIRST, 3, UPTO]
    events = [
        *MADE, *ENTERED, consented(0, 3), consented(1, 3), log(1, 3, tentative=[change]),
        log(2, 3, tentative=[change]), voted(1, [1, A]), voted(2, [1, A]),
        voted(1, [1, A], [[1, A], *decree[1:]]),
        log(2, 3, [notice(4, A)]), voted(2, [1, A], [[1, A], *decree[1:]]),
    ]  # fmt: skip
    heard = [log(1, 3, [notice(4, A)]), voted(1, [0, ROOT], epoch=4)]
    gone = log(2, 4, tentative=[retirement(5, B)])
    assert verdicts(*events, *heard, gone) == {}
    assert "less than half of <>, <1> is known" in verdicts(*events, gone)["consent"]


def test_a_base_carries_group_and_epoch() -> None:
    """A server that has heard of nothing takes it over."""
    vector = [[ROOT, 3], [A, 4], [B, 2]]
    base = {**installed(2, 4, vector, 4), "group": ALL, "epoch": 3}
    del base["primary"]
    late = without(MADE[-1], ENTERED[2], SPREAD[1], SPREAD[2], REST[0])
    events = [*late, base]
    assert verdicts(*events) == {}
    assert "with the epoch 2, not 3" in verdicts(*late, {**base, "epoch": 2})["bases"]
    assert "that names <>, <1> the group" in verdicts(*late, {**base, "group": [ROOT, A]})["bases"]
    assert (
        "that names <> the primary, not <>, <1>, <2>" in verdicts(*late, {**base, "group": [ROOT]})["bases"]
    )


def test_what_a_killed_process_did_not_tell_is_no_ones_fault() -> None:
    """Its last vote is missing, or stands where it was heard."""
    lost = without(DECIDED[1])
    assert "decrees" in verdicts(PROCESSES, *lost, ENDED)
    assert "decrees" not in verdicts(PROCESSES, *lost, crashed(1))
    late = [*MADE, *ENTERED, *WRITTEN, *DECIDED, *SPREAD, *PROMISED, *PROPOSED]
    assert not {"decrees", "consent"} & {*verdicts(PROCESSES, *late, ENDED)}


def test_a_vote_told_again_after_a_crash_is_the_same() -> None:
    again = {**DECIDED[1], "again": True}
    assert "votes" not in verdicts(PROCESSES, *GOOD, crashed(1), again, ENDED)
    assert "votes" in verdicts(PROCESSES, *GOOD, DECIDED[1], ENDED)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (log(0, 0, [[1, ROOT, 6, 0]]), "event 1 (log): a group write has an epoch and members"),
        (log(0, 0, [[1, ROOT, 6, 0, []]]), "event 1 (log): a group has members, each of them once"),
        (log(0, 0, [[1, ROOT, 6, 0, [A, A]]]), "event 1 (log): a group has members, each of them once"),
        (log(0, 0, [[1, ROOT, 6, "0", [A]]]), "event 1 (log): a str where a number is due"),
        ({**voted(0, [1, 5])}, "event 1 (voted): a int where a list is due"),
        (
            {**voted(0, FIRST), "accepted": [1]},
            "event 1 (voted): not enough values to unpack (expected 3, got 1)",
        ),
        ({"event": "voted", "server": 0, "epoch": 1}, "event 1 (voted): 'accepted' is missing"),
        (
            {"event": "consented", "server": 0, "epoch": None},
            "event 1 (consented): a NoneType where a number",
        ),
    ],
)
def test_an_event_of_another_form_is_refused(event: Event, why: str) -> None:
    with pytest.raises(HistoryError) as caught:
        History.of([event])
    assert str(caught.value).startswith(why)


JOINS = "joinServer 0; joinServer 1; joinServer 2"
SCENARIOS = {
    "a member lost": f"{JOINS}; commitGroup 0 1 2; joinClient 9 1; put 9 a u1; crashServer 0; put 9 b u2; "
    "crashServer 2; put 9 c u3; restartServer 2",
    "two islands": f"{JOINS}; joinServer 3; joinServer 4; commitGroup 0 1 2; joinClient 8 0; joinClient 9 2; "
    "partition 0 3 | 1 2 4; put 8 x u1; put 9 y u2; heal",
    "through another one": f"{JOINS}; joinServer 5; commitGroup 0 1 2; breakConnection 0 1; "
    "breakConnection 0 2; breakConnection 1 2; joinClient 9 2; put 9 a u1; breakConnection 5 0; "
    "breakConnection 5 1; put 9 b u2; restoreConnection 0 1; restoreConnection 1 2",
    "a member replaced": f"{JOINS}; joinServer 3; commitGroup 0 1 2; crashServer 2; commitGroup 0 1 3; "
    "crashServer 0; joinClient 9 1; put 9 a u1; restartServer 2; crashServer 3; put 9 b u2",
    "paused, and back to one": f"{JOINS}; joinClient 9 0; commitGroup 0 1 2; pause; put 9 a u1; start; "
    "commitGroup 2; pause; put 9 b u2; joinClient 8 2; put 8 c u3; start",
    "members retire": f"{JOINS}; joinServer 3; joinClient 9 1; commitGroup 0 1 2; retireServer 2; "
    "put 9 a u1; crashServer 0; put 9 b u2; restartServer 0; retireServer 3; put 9 c u3",
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_worked_scenarios_are_valid_and_mangled_ones_are_not(name: str) -> None:
    """In lock-step, where each vote that made a decree is needed: without any of them, or with what it names
    changed, something is wrong."""
    lines = [line.strip() for line in SCENARIOS[name].split(";")]
    trial = Trial(lines, Setup(1, False, 30.0, {}), check=True).run()
    assert trial.problem is None, trial.details
    assert trial.verdict == "valid"
    accepts = [at for at, event in enumerate(trial.events) if event["event"] == "voted" and event["accepted"]]
    assert accepts
    for at in accepts:
        event = trial.events[at]
        ballot, base, _ = event["accepted"]
        less = [[ROOT, 0]]
        changed = {**event, "accepted": [ballot, base, less]}
        mangled = [*trial.events[:at], changed, *trial.events[at + 1 :]]
        assert {"votes", "decrees"} & {*verdicts(*mangled)}, (at, event)
        everyone = [
            {**one, "accepted": [ballot, base, less]} if one.get("accepted") == event["accepted"] else one
            for one in trial.events
        ]
        assert verdicts(*everyone), (at, event)
    without_votes = [event for event in trial.events if event["event"] != "voted"]
    assert "decrees" in verdicts(*without_votes)
    without_consents = [event for event in trial.events if event["event"] != "consented"]
    assert "consent" in verdicts(*without_consents)
