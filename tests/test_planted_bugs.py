"""Bugs planted on purpose: each is caught by a test that passes without it.

The table of them in docs/testing.md is checked against this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bayou.core.errors import BayouError
from bayou.core.name import ROOT
from bayou.families.planting import planted
from tests import test_core_replica, test_core_vectors, test_holes_nodes, test_nodes
from tests.chaos import Chaos, random_walk
from tests.generator import scenario
from tests.simulated import simulate
from tests.test_nodes_stateful import TINY
from tests.twin import Twin


@dataclass
class Bug:
    """A bug: what it is called (in bayou.families.planting too), and the test that catches it."""

    name: str
    caught_by: Callable[[], None]


# The tests that do the catching.


def scenarios_against_twin() -> None:
    """As test_random_scenarios_simulated_against_the_twin, fewer of them."""
    for seed in range(100):
        lines = scenario(seed)
        twin = Twin()
        assert simulate("\n".join(lines).encode(), check=True).by_line == [
            twin.line(line) for line in lines
        ], seed


def walks() -> None:
    """As test_random_walks, fewer of them."""
    for seed in range(150):
        random_walk(seed, 200, Chaos(settings=TINY if seed % 2 else None))


BUGS = [
    Bug("prefix property dropped", walks),
    Bug(
        'missing entry always "never heard of"',
        test_core_vectors.test_a_vector_knows_exactly_the_writes_in_the_set,
    ),
    Bug(
        'missing entry always "retired"',
        test_core_vectors.test_a_vector_covers_another_exactly_where_the_sets_include_each_other,
    ),
    Bug(
        "an entry removed because another vector lacks it",
        scenarios_against_twin,
    ),
    Bug("marks in order of arrival", scenarios_against_twin),
    Bug(
        "the primary marks its own write before older tentative ones",
        test_core_replica.test_the_primary_marks_everything_in_accept_order_its_own_write_last,
    ),
    Bug("a refused read that changes the session", scenarios_against_twin),
    Bug(
        "read vector compared over its own entries only",
        scenarios_against_twin,
    ),
    Bug("a write sent twice applied twice", walks),
    Bug(
        "a server that leaves before its writes are elsewhere",
        scenarios_against_twin,
    ),
    Bug("a hand-over confirmed before it is complete", walks),
    Bug("two primaries after a lost confirmation", walks),
    Bug("a new server that lacks its own creation write", walks),
    Bug("a late write forgotten by the index", scenarios_against_twin),
    Bug(
        "a commit notice applied out of turn",
        test_core_replica.test_a_commit_notice_applies_only_where_it_is_next,
    ),
    Bug("a committed delete forgotten", scenarios_against_twin),
    Bug(
        "a request sent to another server of the same id",
        lambda: test_nodes.test_a_server_that_has_only_the_id_of_the_one_asked_is_another_one(ROOT.child(5)),
    ),
    Bug(
        "a crash forgets a promise to be the heir",
        test_holes_nodes.test_a_promise_to_inherit_survives_a_crash,
    ),
    Bug(
        "a crash forgets who was created",
        test_holes_nodes.test_what_was_created_for_a_request_survives_a_crash,
    ),
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_planted_bug_is_caught(bug: Bug) -> None:
    with planted(bug.name), pytest.raises((AssertionError, BayouError, ExceptionGroup, KeyError)):
        bug.caught_by()


@pytest.mark.parametrize("catcher", [scenarios_against_twin, walks])
def test_what_catches_them_passes_without_them(catcher: Callable[[], None]) -> None:
    catcher()


def test_the_documentation_lists_them() -> None:
    text = (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert [bug.name for bug in BUGS] == [row for row in rows if row in {bug.name for bug in BUGS}]
