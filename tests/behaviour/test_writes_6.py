"""General writes 6: the functions that they call."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayou.core.body import made_body
from bayou.core.errors import PeerError
from bayou.core.functions import Functions
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.explore.trial import Trial
from bayou.families.store.changers import calls
from bayou.families.store.generate import Shape, scenario
from bayou.families.store.knobs import setup_for
from tests.behaviour.scenarios import PAIR, text
from tests.processes import run_master
from tests.simulated import Simulated, simulate

FUNCTIONS = str(Path(__file__).parent.parent / "write_functions.py")
BOOK = '{"rooms":["a","b"],"who":"%s"}'
ONE = "joinServer 0; joinClient 8 0; "


def ran(scenario: str) -> Simulated:
    return simulate(text(scenario).encode(), check=True, functions=FUNCTIONS)


def printed(scenario: str) -> list[str]:
    done = ran(scenario)
    assert done.errors == []
    return done.out.decode().splitlines()


def complaint(scenario: str) -> str:
    (line,) = ran(scenario).errors
    return line


@pytest.mark.processes
def test_writes6_a_function_says_what_is_to_be_done() -> None:
    """A write may call a function, by name and version, in the place of updates: the same in both worlds."""
    lines = f"{ONE}write 8 w call book 1 {BOOK % 'ann'}; rows 8 rooms/; outcome 8 w"
    assert printed(lines) == ["rooms/a:ann:TRUE", "w:applied:TRUE"]
    done = run_master(text(lines), "--functions", FUNCTIONS)
    assert (done.stdout, done.stderr) == (b"rooms/a:ann:TRUE\nw:applied:TRUE\n", b"")


def test_writes6_a_function_is_called_again_where_what_it_read_has_changed() -> None:
    """A function is called in the place of its write, and again when another write comes before it."""
    lines = f"{PAIR}pause; write 9 w call book 1 {BOOK % 'bob'}; write 8 v call book 1 {BOOK % 'ann'}; "
    lines += "rows 9 rooms/; "
    assert printed(f"{lines}start; rows 9 rooms/") == [
        "rooms/a:bob:FALSE",
        "rooms/a:ann:TRUE",
        "rooms/b:bob:TRUE",
    ]


def test_writes6_none_and_unfit_do_not_fit() -> None:
    """Where a function returns None, or raises Unfit, the next alternative is tried."""
    assert printed(
        f"{ONE}write 8 w call book 2 " + '{"rooms":[],"who":"ann"} else set n/a 1; outcome 8 w'
    ) == ["w:merged 1:TRUE"]
    assert printed(f'{ONE}write 8 w call transfer 1 ["a","b",1] else set n/a 1; outcome 8 w') == [
        "w:merged 1:TRUE"
    ]
    assert printed(f'{ONE}write 8 w call transfer 1 ["a","b",1]; conflicts 8') == ["CONFLICT:(w):TRUE"]


def test_writes6_more_than_256_updates_do_not_fit() -> None:
    """A function that answers more than 256 updates does not fit."""
    lines = f"{ONE}write 8 w call many 1 256; write 8 v call many 1 257; outcome 8 w; outcome 8 v"
    assert printed(lines) == ["w:applied:TRUE", "v:conflict:TRUE"]


def test_writes6_a_mistake_is_turned_down_where_the_write_is_accepted() -> None:
    """A write whose function raises anything but Unfit when it is accepted is off, with the message."""
    lines = f"{ONE}write 8 w call half 1 x; write 8 w set n/x 3; write 8 v call half 1 x; rows 8 n/"
    done = ran(lines)
    assert "the function half 1 raised TypeError" in done.errors[0]
    assert done.out == b"n/x:1:TRUE\n"


def test_writes6_a_mistake_in_another_place_does_not_fit() -> None:
    """What a function raises in a later place in the order is no error: the next alternative is tried."""
    lines = f"{PAIR}write 8 w set n/x 3; breakConnection 0 1; write 9 v call half 1 x else set n/no 1; "
    lines += "write 8 u del n/x; "
    assert printed(f"{lines}restoreConnection 0 1; outcome 8 v; rows 8 n/") == [
        "v:merged 1:TRUE",
        "n/no:1:TRUE",
    ]


def test_writes6_a_server_takes_no_write_whose_function_is_missing() -> None:
    """A write that calls a function, or a version, which the server lacks is off."""
    for missing in ("nobody 1", "half 2"):
        said = complaint(f"{ONE}write 8 w call {missing} x")
        assert f"the function {missing} is missing here: start the server with it" in said
    (said,) = simulate(text(f"{ONE}write 8 w call half 1 x").encode()).errors
    assert "the function half 1 is missing here" in said


def test_writes6_servers_of_a_csn_compare_what_writes_came_to() -> None:
    """Two servers that came to something else with the same writes say so, and name the CSN."""

    def replica(value: int) -> Replica:
        return Replica(ROOT, functions=Functions({("f", 1): lambda view, args: [["set", "n", "k", value]]}))

    one, other = replica(1), replica(2)
    write = one.change(made_body({"name": "w", "call": ["f", 1], "args": 1}))
    other.apply(Items(0, [write], []))
    with pytest.raises(PeerError, match=r"two servers of CSN 1 disagree .* a function differs"):
        other.compare_digest(one.csn, one.database.digest)


def test_writes6_random_scenarios_call_functions_and_the_judge_has_them() -> None:
    """The judge executes functions by itself, so that a server is found out that takes them for others."""
    seeds = [seed for seed in range(60) if calls(seed)]
    assert len(seeds) >= 5
    lines = [
        "joinServer 0",
        "joinClient 8 0",
        "write 8 w set n/a 5",
        "write 8 v call tally 1 a",
        "write 8 u call swap 1 0 else set n/b 1",
        "rows 8 c/",
        "outcome 8 u",
        "stabilize",
    ]
    setup = setup_for(seeds[0])
    assert Trial(lines, setup).run().problem is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bayou.core.functions.ROWS_MAX", 0)  # a server that takes one row for too many
        assert Trial(lines, setup).run().problem in ("rows", "outcomes")
    called = [line for seed in seeds for line in scenario(seed, Shape(60)) if " call " in line]
    assert len(called) > 20
