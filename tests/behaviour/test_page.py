"""The page of promises is what the tests make of it."""

from __future__ import annotations

from collections import Counter

from tests.behaviour_table import CONSENSUS, PAGE, TITLES, WRITES, page, promises


def test_the_page_of_promises_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(), "run: python -m tests.behaviour_table > docs/behaviour.md"


def test_every_part_makes_promises_one_sentence_each() -> None:
    found = promises()
    ours = {("part", part) for part in range(1, len(TITLES) + 1)}
    ours |= {("writes", part) for part in range(1, len(WRITES) + 1)}
    ours |= {("consensus", part) for part in range(1, len(CONSENSUS) + 1)}
    assert {promise.part for promise in found} == ours
    for promise in found:
        assert promise.text.endswith("."), promise
        assert ". " not in promise.text, promise
        kind, number = promise.part
        module = f"test_part{number}" if kind == "part" else f"test_{kind}_{number}"
        assert promise.module.startswith(module), promise


def test_no_promise_is_made_twice() -> None:
    found = promises()
    for values in ([promise.test for promise in found], [promise.text for promise in found]):
        assert [value for value, count in Counter(values).items() if count > 1] == []
