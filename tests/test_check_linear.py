"""The checker of anybody's histories: linearizable or nearly so, by hand, and against its twin."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from bayou.check import minimal
from bayou.check.linear import ModelError, Search, Start
from bayou.check.minimal import examine
from bayou.check.model import Model, Operation, by_key
from bayou.check.models import Keyed, Lock, Register
from bayou.check.operations import read_history
from bayou.check.verdict import INVALID, UNKNOWN, VALID
from tests.linear_campaign import check_mangled, check_small, judged, what_is_wrong, word_of
from tests.linear_histories import Made, events_of, lines_of
from tests.linear_twin import explainable

VALID_ONES: dict[str, tuple[str, str]] = {
    "nothing was written": ("register", "0>read 0<null"),
    "a read after a write": ("register", "0>write:3 0< 1>read 1<3"),
    "a read within a write sees it": ("register", "0>write:3 1>read 1<3 0<"),
    "a read within a write does not see it": ("register", "0>write:3 1>read 1<null 0<"),
    "writes that overlap, read in the other order": (
        "register",
        "0>write:1 1>write:2 1< 0< 2>read 2<2",
    ),
    "two reads on either side of a write": ("register", "0>write:1 1>read 1<null 1>read 1<1 0<"),
    "unknown, and it took effect late": ("register", "0>write:1 0? 1>read 1<null 1>write:2 1< 1>read 1<1"),
    "unknown, and it never took effect": ("register", "0>write:1 0? 1>read 1<null"),
    "no end at all, seen": ("register", "0>write:1 1>read 1<1"),
    "two writes of one value, unknown: seen twice": (
        "register",
        "0>write:1 0? 1>write:1 1? 2>read 2<1 2>write:2 2< 2>read 2<1",
    ),
    "unknown, seen by a read that ends late": ("register", "0>write:1 0? 1>read 2>write:2 2< 1<1"),
    "unknown ones, one of which is needed twice over": (
        "register",
        "0>write:1 0? 1>write:2 1? 2>cas:[2,1] 2? 3>read 3<1 3>write:5 3< 3>read 3<2 3>read 3<1",
    ),
    "failed, and nobody saw it": ("register", "0>write:1 0! 1>read 1<null"),
    "an unknown read is no matter": ("register", "0>write:1 0< 1>read 1? 2>read 2<1"),
    "cas that succeeds": ("register", "0>write:3 0< 1>cas:[3,0] 1<true 2>read 2<0"),
    "cas that does not": ("register", "0>write:3 0< 1>cas:[4,0] 1<false 2>read 2<3"),
    "cas of nothing": ("register", "0>cas:[null,1] 0<true 0>read 0<1"),
    "of two cas one succeeds": ("register", "0>write:1 0< 0>cas:[1,2] 1>cas:[1,3] 0<false 1<true 0>read 0<3"),
    "an unknown cas took effect": ("register", "0>write:1 0< 0>cas:[1,2] 0? 1>read 1<2"),
    "an unknown cas did not": ("register", "0>write:1 0< 0>cas:[5,2] 0? 1>read 1<1"),
    "objects are the same in whatever order": (
        "register",
        '0>write:{"a":1,"b":2} 0< 0>read 0<{"b":2,"a":1}',
    ),
    "nothing there, as an empty text": ("kv", '0>get@x 0<""'),
    "nothing there, as null": ("kv", "0>get@x 0<null"),
    "an append to nothing": ("kv", '0>append@x:"a" 0< 0>get@x 0<"a"'),
    "appends that overlap, in either order": (
        "kv",
        '0>append@x:"a" 1>append@x:"b" 0< 1< 0>get@x 0<"ba"',
    ),
    "keys have nothing to do with each other": (
        "kv",
        '0>put@x:"a" 0< 1>put@y:"b" 1< 2>get@x 2<"a" 2>get@y 2<"b"',
    ),
    "a value that is no text": ("kv", "0>put@x:[1] 0< 0>get@x 0<[1]"),
    "an unknown append counts once": ("kv", '0>append@x:"a" 0? 1>get@x 1<null 1>get@x 1<"a"'),
    "locked in turn": ("lock", "0>lock@a 0< 0>unlock@a 0<true 1>lock@a 1<"),
    "who waits is given it": ("lock", "0>lock@a 0< 1>lock@a 0>unlock@a 0<true 1<"),
    "it waits for ever": ("lock", "0>lock@a 0< 1>lock@a"),
    "two locks, two holders": ("lock", "0>lock@a 0< 1>lock@b 1<"),
    "an unknown unlock took effect": ("lock", "0>lock@a 0< 0>unlock@a 0? 1>lock@a 1<"),
    "not held, and says so": ("lock", "0>lock@a 0< 1>unlock@a 1<false"),
}

INVALID_ONES: dict[str, tuple[str, str]] = {
    "a stale read": ("register", "0>write:3 0< 1>write:4 1< 2>read 2<3"),
    "new, then old": ("register", "0>write:3 1>read 1<3 2>read 2<null 0<"),
    "a value out of nowhere": ("register", "0>read 0<1"),
    "a read before its write": ("register", "0>read 0<1 1>write:1 1<"),
    "what was written is gone": ("register", "0>write:1 0< 1>read 1<null"),
    "failed, and it took effect": ("register", "0>write:1 0! 1>read 1<1"),
    "unknown, and it took effect before it was asked for": ("register", "1>read 1<1 0>write:1 0?"),
    "unknown, and it took effect twice": (
        "register",
        "0>write:1 0? 1>read 1<1 1>write:2 1< 1>read 1<1 1>write:3 1< 1>read 1<1",
    ),
    "cas twice of one value": ("register", "0>write:1 0< 0>cas:[1,2] 1>cas:[1,3] 0<true 1<true"),
    "cas of what it is not": ("register", "0>write:1 0< 0>cas:[2,3] 0<true"),
    "cas that ought to have succeeded": ("register", "0>write:1 0< 0>cas:[1,3] 0<false"),
    "1 is not 1.0": ("register", "0>write:1 0< 0>read 0<1.0"),
    "1 is not true": ("register", "0>write:1 0< 0>read 0<true"),
    "1 is no text": ("register", '0>write:1 0< 0>read 0<"1"'),
    "cas compares types, too": ("register", "0>write:1 0< 0>cas:[true,2] 0<true"),
    "two readers disagree": (
        "register",
        "0>write:1 1>write:2 2>read 3>read 2<1 3<2 2>read 3>read 2<2 3<1 0< 1<",
    ),
    "an append is lost": ("kv", '0>append@x:"a" 0< 1>append@x:"b" 1< 0>get@x 0<"b"'),
    "an append counts twice": ("kv", '0>append@x:"a" 0< 0>get@x 0<"aa"'),
    "appends out of order": ("kv", '0>append@x:"a" 0< 1>append@x:"b" 1< 0>get@x 0<"ba"'),
    "of another key": ("kv", '0>put@x:"a" 0< 0>get@y 0<"a"'),
    "an empty text is something": ("kv", '0>put@x:"" 0< 0>get@x 0<null'),
    "an append to a number": ("kv", '0>put@x:1 0< 0>append@x:"a" 0<'),
    "held by two": ("lock", "0>lock@a 1>lock@a 0< 1<"),
    "not re-entrant": ("lock", "0>lock@a 0< 0>lock@a 0<"),
    "unlocked by somebody else": ("lock", "0>lock@a 0< 1>unlock@a 1<true"),
    "unlocked twice": ("lock", "0>lock@a 0< 0>unlock@a 0<true 0>unlock@a 0<true"),
    "held, and it says that it is not": ("lock", "0>lock@a 0< 0>unlock@a 0<false"),
    "given away before it was given back": ("lock", "0>lock@a 0< 1>lock@a 1< 0>unlock@a 0<true"),
    "an unlock that failed": ("lock", "0>lock@a 0< 0>unlock@a 0! 1>lock@a 1<"),
}


def operations_of(text: str, model: str) -> list[Operation]:
    """Return the operations of a short history; every line of it is right."""
    reading = read_history(lines_of(events_of(text)), model)
    assert reading.problems == ()
    return list(reading.operations)


@pytest.mark.parametrize("name", VALID_ONES)
def test_what_can_be_explained_is_valid(name: str) -> None:
    model, text = VALID_ONES[name]
    assert explainable(events_of(text)), "says the twin"
    assert word_of(judged(model, operations_of(text, model))) == VALID


@pytest.mark.parametrize("name", INVALID_ONES)
def test_what_cannot_be_explained_is_invalid_and_shown(name: str) -> None:
    model, text = INVALID_ONES[name]
    assert not explainable(events_of(text)), "says the twin"
    operations = operations_of(text, model)
    findings = judged(model, operations)
    assert word_of(findings) == INVALID
    for key, finding in findings.items():
        if finding.part is not None:
            assert what_is_wrong(finding.part, by_key(operations)[key]) is None


def test_small_histories_against_the_twin() -> None:
    """A sample of what ``python -m tests.linear_campaign`` runs."""
    counts: Counter[str] = Counter()
    assert [wrong for seed in range(1500) if (wrong := check_small(seed, counts))] == []
    assert all(
        counts[f"{model} {word}"] > 40 for model in ("register", "kv", "lock") for word in (VALID, INVALID)
    )
    assert counts["parts that begin later"] > 1


def test_mangled_histories_and_garbage() -> None:
    counts: Counter[str] = Counter()
    assert [wrong for seed in range(500) if (wrong := check_mangled(seed, counts))] == []
    assert min(counts[VALID], counts[INVALID], counts["refused"], counts["compared with the twin"]) > 40


def made(seed: int, values: int, lost: float = 0.0, operations: int = 300) -> list[Operation]:
    """Return the operations of a right history of ten clients and one register."""
    events = Made(random.Random(seed), "register", list(range(values)), lost=lost).make(operations, 10)
    return list(read_history(lines_of(events), "register").operations)


def test_an_order_that_is_found_is_one() -> None:
    """It keeps to the times, has all that ended, and each result is right."""
    operations = made(1, 5, lost=0.1)
    outcome = Search(Register().folded(operations), operations).run()
    assert outcome.word == VALID
    order = [operations[place] for place in outcome.order]
    assert len(set(outcome.order)) == len(order)
    assert {each.begin for each in operations if each.end} <= {each.begin for each in order}
    for at, later in enumerate(order):
        assert all(later.end is None or later.end > earlier.begin for earlier in order[:at])
    state: Any = Register.initial
    for each in order:
        state = Register().step(state, each)
        assert state is not None


def with_an_old_value(seed: int) -> list[Operation]:
    """Return a history whose last read returns a value that was overwritten long ago."""
    operations = made(seed, 1000)
    at = max(at for at, each in enumerate(operations) if each.function == "read")
    read = operations[at]
    old = next(each for each in operations if each.function == "write")
    operations[at] = Operation(read.process, read.begin, read.end, "read", None, old.argument)
    return operations


def test_what_is_shown_of_a_long_history_is_small_and_unexplained() -> None:
    """Who wrote the old value, who overwrote it, who read it, and few more."""
    for seed in range(6):
        operations = with_an_old_value(seed)
        finding = examine(Register(), operations)
        assert (finding.word, finding.part is None) == (INVALID, False)
        assert finding.part is not None
        assert len(finding.part.operations) <= 5
        assert finding.part.left_out == len(operations) - len(finding.part.operations)
        assert what_is_wrong_alone(finding.part.operations, finding.part.loose)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_wrong_is_collected_with_little_work(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """From the last read, one operation after another: leaving out from all there is takes more, and would
    come to an end with half of the history left."""
    monkeypatch.setattr(minimal, "WORK", 20_000)
    part = examine(Register(), with_an_old_value(seed)).part
    assert part is not None
    assert len(part.operations) <= 6


def test_what_is_shown_is_long_where_no_work_may_go_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimal, "WORK", 1)
    part = examine(Register(), with_an_old_value(2)).part
    assert part is not None
    assert len(part.operations) > 100


def what_is_wrong_alone(operations: tuple[Operation, ...], loose: tuple[Operation, ...]) -> bool:
    """Whether these are invalid by themselves, the loose ones without their ends."""
    own = [each.without_end() if each in loose else each for each in operations]
    return Search(Register(), own).run().word == INVALID


def test_a_part_that_begins_later_starts_in_all_states_that_there_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two writes that overlap: either may have won, and the read explains itself by neither."""
    monkeypatch.setattr(minimal, "SMALL", 0)
    text = "0>write:1 0< 0>write:2 1>write:3 0< 1< 2>write:4 2< 2>read 2<3"
    (finding,) = judged("register", operations_of(text, "register")).values()
    part = finding.part
    assert part is not None
    assert part.since is not None
    assert {beginning.state for beginning in part.beginnings} == {"2", "3"}
    assert [Register().show(each) for each in part.operations] == ["write 4", "read: 3"]


def test_the_smallest_part_has_nothing_that_it_does_not_need() -> None:
    text = "5>write:9 5< 0>write:3 0< 6>read 6<3 1>write:4 1< 6>read 6<4 2>read 2<3"
    (finding,) = judged("register", operations_of(text, "register")).values()
    assert finding.part is not None
    assert [Register().show(each) for each in finding.part.operations] == ["write 3", "write 4", "read: 3"]
    (attempt,) = finding.part.attempts
    assert [Register().show(each) for each in attempt.order] == ["write 3", "write 4"]
    assert (attempt.state, attempt.blocked) == ("4", finding.part.last)
    assert finding.part.left_out == 3


def test_a_write_that_two_reads_rest_on_is_shown_with_them() -> None:
    text = "0>write:3 1>read 1<3 2>read 2<null 0<"
    (finding,) = judged("register", operations_of(text, "register")).values()
    assert finding.part is not None
    assert [Register().show(each) for each in finding.part.loose] == ["write 3"]


def test_a_budget_that_runs_out() -> None:
    operations = made(3, 5, lost=0.2)
    assert examine(Register(), operations, 10).word == UNKNOWN
    assert examine(Register(), operations).word == VALID
    steps = examine(Register(), operations).steps
    assert examine(Register(), operations, steps).word == VALID
    assert examine(Register(), operations, steps - 1) == minimal.Finding(UNKNOWN, steps)


def test_many_unknown_writes_do_not_multiply() -> None:
    """Sixty writes of unknown outcome, each of another value: 2 to the 60 sets, and few configurations."""
    unknown = [Operation(100 + n, n, None, "write", str(n)) for n in range(60)]
    reads = [Operation(1, 100 + 2 * n, 101 + 2 * n, "read", None, str(n)) for n in (3, 50, 7)]
    again = Operation(1, 200, 201, "read", None, "3")
    assert examine(Register(), [*unknown, *reads], 1000).word == VALID
    assert examine(Register(), [*unknown, *reads, again], 1000).word == INVALID


def test_operations_that_do_the_same_do_not_multiply() -> None:
    """Fourteen writes each of two values, all at a time: of one value the one that ends first comes first."""
    writes = [Operation(n, n, 100 + n, "write", str(n % 2)) for n in range(28)]
    wrong = Operation(50, 200, 201, "read", None, "2")
    assert examine(Register(), [*writes, wrong], 2000).word == INVALID


def test_what_is_in_effect_where_a_history_is_cut() -> None:
    """Before the end of a read: the unknown write that it needs is in effect, or it is not yet."""
    operations = [
        Operation(0, 1, None, "write", "1"),
        Operation(1, 2, 3, "read", None, "1"),
        Operation(2, 4, 9, "write", "2"),
        Operation(1, 5, 6, "read", None, "null"),
    ]
    starts = Search(Register(), operations).before_end(1)
    assert starts == [Start("1", frozenset({0}))]
    assert Search(Register(), operations).before_end(1, 1) is None


def test_orders_that_go_round_in_circles_are_shown_once() -> None:
    """Unknown operations lead from each state to another one, and back: no order is at its end."""
    there = [Operation(9 + n, n, None, "cas", pair) for n, pair in enumerate([("1", "2"), ("2", "1")])]
    writes = [Operation(1, 10, 12, "write", "1"), Operation(2, 10, 12, "write", "2")]
    (read,) = [Operation(3, 20, 21, "read", None, "5")]
    part = examine(Register(), [*there, *writes, read]).part
    assert part is not None
    search = Search(Register(), [*there, *writes, read])
    assert search.run().word == INVALID
    furthest = search.dead_ends()[0]
    assert search.operations[search.ending()[furthest[0]]] is read


@pytest.mark.parametrize(
    ("limit", "value"), [("COLLECTED_MAX", 0), ("COLLECTED_MAX", 1), ("WORK", 1), ("TRIAL_STEPS", 1)]
)
def test_what_is_shown_is_right_where_there_was_no_time_to_make_it_small(
    limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minimal, limit, value)
    text = "5>write:9 5< 0>write:3 0< 6>read 6<3 1>write:4 1< 6>read 6<4 7>write:8 2>read 2<3"
    operations = operations_of(text, "register")
    (finding,) = judged("register", operations).values()
    assert finding.part is not None
    assert what_is_wrong_alone(finding.part.operations, finding.part.loose)
    if limit == "COLLECTED_MAX":
        assert len(finding.part.operations) == 3


def test_operations_at_one_position_overlap() -> None:
    """An end comes before a begin only where its position is lower."""
    write = Operation(0, 1, 5, "write", "1")
    assert examine(Register(), [write, Operation(1, 5, 6, "read", None, "null")]).word == VALID
    assert examine(Register(), [write, Operation(1, 6, 7, "read", None, "null")]).word == INVALID


class Counting(Model):
    """A counter of a judge's own that says nothing more than it must: ``add`` (result: the sum)."""

    initial = 0

    def step(self, state: Any, operation: Operation) -> Any:
        total = state + operation.argument
        return total if operation.result in (None, total) else None


def test_a_model_of_ones_own() -> None:
    one = Operation(0, 1, 4, "add", 1, 3)
    two = Operation(1, 2, 3, "add", 2, 2)
    assert examine(Counting(), [one, two]).word == VALID
    wrong = Operation(1, 2, 3, "add", 2, 3)
    finding = examine(Counting(), [one, wrong])
    assert finding.word == INVALID
    assert finding.part is not None
    assert [Counting().show(each) for each in finding.part.operations] == ["add 2: 3"]
    assert Counting().needs(one) == "another one"
    assert Counting().show_state(3) == "3"


def test_a_search_may_begin_within_a_history() -> None:
    """What is under way there, and in effect, does not take effect once more."""
    add = Operation(0, 1, 9, "add", 1, 1)
    after = Operation(1, 3, 4, "add", 5, 6)
    assert Search(Counting(), [add, after], [Start(1, frozenset({0}))]).run().word == VALID
    assert Search(Counting(), [add, after], [Start(1)]).run().word == INVALID
    longer = Operation(1, 3, 12, "add", 5, 6)
    assert Search(Counting(), [add, longer], [Start(1, frozenset({0}))]).run().word == VALID
    lost = Operation(0, 1, None, "add", 1)
    assert Search(Counting(), [lost, after], [Start(1, frozenset({0}))]).run().word == VALID
    assert (
        Search(Counting(), [lost, Operation(1, 3, 4, "add", 5, 7)], [Start(1, frozenset({0}))]).run().word
        == INVALID
    )


WAYS = {(0, "x"): 1, (1, "y"): 2, (2, "u"): 4, (4, "z"): 3, (1, "z"): 3, (3, "y"): 5, (5, "end"): 6}


class Ways(Model):
    """States with ways between them."""

    initial = 0

    def step(self, state: Any, operation: Operation) -> Any:
        return WAYS.get((state, operation.function))


def test_of_two_ways_to_a_state_the_one_that_used_up_less_counts() -> None:
    """The longer way is looked at first, and uses up what is needed later."""
    unknown = [Operation(n, n, None, function) for n, function in enumerate("xyuz")]
    end = Operation(9, 9, 10, "end")
    outcome = Search(Ways(), [*unknown, end]).run()
    assert (outcome.word, [[*unknown, end][place].function for place in outcome.order]) == (
        VALID,
        ["x", "z", "y", "end"],
    )


class Lying(Counting):
    """Says of what changes states that it only reads."""

    def only_reads(self, operation: Operation) -> bool:
        return True


def test_a_model_that_contradicts_itself_is_told_so() -> None:
    with pytest.raises(ModelError, match="add 1: 1: it changes a state, which no read does"):
        examine(Lying(), [Operation(0, 1, 2, "add", 1, 1)])


def test_how_operations_and_states_are_shown() -> None:
    def cas(result: bool | None) -> Operation:
        return Operation(4, 1, 2, "cas", ("3", "0"), result)

    register, keyed, lock = Register(), Keyed(), Lock()
    assert register.show(cas(True)) == "cas 3 to 0: true"
    assert [register.needs(cas(result)) for result in (True, False)] == ["3", "any but 3"]
    assert register.show(Operation(0, 1, None, "read")) == "read"
    assert keyed.show(Operation(0, 1, 2, "append", '"caf\\u00e9"')) == 'append "café"'
    assert keyed.needs(Operation(0, 1, 2, "get", None, '""')) == '"" or null'
    assert keyed.needs(Operation(0, 1, 2, "append", '"a"')) == "a text, or null"
    assert lock.needs(Operation(4, 1, 2, "lock", None, True)) == "it free"
    assert lock.needs(Operation(4, 1, 2, "unlock", None, True)) == "it held by process 4"
    assert lock.needs(Operation(4, 1, 2, "unlock", None, False)) == "it not held by process 4"
    assert [lock.show_state(state) for state in ((), (4,))] == ["free", "held by process 4"]
    assert len(keyed.show_state('"' + "a" * 1000 + '"')) < 80
