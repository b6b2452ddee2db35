"""The page about consensus shows what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bayou._record import Record
from bayou.families.log.bugs import BUGS, OUT_OF_REACH
from bayou.paxos import LogNode
from bayou.paxos.log import inputs, messages, options, records
from tests.simulated import simulate
from tests.test_docs import blocks

if TYPE_CHECKING:
    from types import ModuleType

PAGE = Path(__file__).parent.parent / "docs" / "consensus.md"
TEXT = PAGE.read_text(encoding="utf-8")
BASES = {"Input", "Answer", "LogMessage"}


def table(heading: str) -> list[list[str]]:
    """Return the rows, as cells, of all tables whose first column bears this name."""
    rows: list[list[str]] = []
    for found in re.findall(rf"^\| {heading} \|.*\n\|[- |]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE):
        rows += [[cell.strip() for cell in row[1:-1].split("|")] for row in found.splitlines()]
    assert rows, heading
    return rows


def form_of(kind: type[Record]) -> str:
    """Return how a record is written."""
    return f"`{kind.__name__}({', '.join(kind.field_names)})`"


def classes(module: ModuleType) -> list[type[Record]]:
    """Return the records that a module defines, in the order in which they stand there."""
    own = [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]
    return [each for each in own if isinstance(each, type) and each.__name__ not in BASES]


def test_its_snippets_run_one_after_the_other() -> None:
    snippets = blocks(PAGE, "python")
    assert sum(block.count("assert ") for block in snippets) > 7
    namespace: dict[str, object] = {}
    for block in snippets:
        exec(compile(block, str(PAGE), "exec"), namespace)


SCENARIOS = re.findall(r"^```scenario\n(.*?)^```\n\n```text\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("scenario", "shown"), SCENARIOS)
def test_a_scenario_prints_what_stands_below_it(scenario: str, shown: str) -> None:
    done = simulate(scenario.encode())
    assert (done.out.decode(), done.errors) == (shown, [])


def test_no_scenario_is_without_its_output() -> None:
    assert len(SCENARIOS) == TEXT.count("```scenario\n") == len(blocks(PAGE, "text")) > 3


@pytest.mark.parametrize(
    ("headings", "module"),
    [(("input", "answer"), inputs), (("value", "message"), messages), (("record",), records)],
    ids=["inputs", "messages", "records"],
)
def test_every_class_and_field_stands_in_its_table(headings: tuple[str, ...], module: ModuleType) -> None:
    shown = [row[0] for heading in headings for row in table(heading)]
    assert shown == [form_of(kind) for kind in classes(module)]
    assert all(len(row) == 2 and row[1] for heading in headings for row in table(heading))


def test_inputs_and_answers_are_not_mixed_up() -> None:
    for heading, base in (("input", inputs.Input), ("answer", inputs.Answer)):
        for name, _ in table(heading):
            assert issubclass(getattr(inputs, name.strip("`").split("(")[0]), base), name


def test_every_option_stands_there_with_its_default() -> None:
    names = options.LogOptions.field_names
    defaults = [str(getattr(options.LogOptions, name, "")) for name in names]
    assert [row[:2] for row in table("option")] == [
        [f"`{name}`", default] for name, default in zip(names, defaults, strict=True)
    ]


def test_all_that_can_be_seen_of_a_node_stands_there() -> None:
    shown = {name for row in table("of a LogNode") for name in re.findall(r"`(\w+)[`(]", row[0])}
    seen = {name for name in vars(LogNode) if not name.startswith("_") and name != "UNCOMPARED"}
    assert shown == {*seen, "id", "leader"}


def test_every_planted_bug_has_its_rule() -> None:
    planted = [row[2] for row in table("rule")]
    assert sorted(planted) == sorted([*BUGS, *OUT_OF_REACH])
    assert all(len(row) == 3 and row[0].endswith(".") and row[1].endswith(".") for row in table("rule"))
