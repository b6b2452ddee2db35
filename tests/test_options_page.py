"""The page of options and exit statuses is complete."""

from __future__ import annotations

import re

import pytest

import bayou.explore.main
from tests.options_page import ENDINGS, PAGE, STATUSES, all_verbs, options_of, page, parsers, plugin_parser

TO_MEND = "run: python3 -m tests.options_page > docs/options.md"


def section(verb: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index(f"\n## {verb}\n") :].split("\n## ")[1]


@pytest.mark.parametrize("verb", list(all_verbs()))
def test_every_option_of_a_verb_is_on_the_page(verb: str) -> None:
    options = options_of(parsers()[verb])
    assert options
    for option, does in options:
        assert does, f"{option} says nothing of what it does"
        assert f"| `{option}` |" in section(f"bayou {verb}"), TO_MEND


def test_every_option_of_the_pytest_plugin_is_on_the_page() -> None:
    assert len(options_of(plugin_parser())) >= 3
    for option, _ in options_of(plugin_parser()):
        assert f"| `{option}` |" in section("pytest"), TO_MEND


def test_the_page_says_what_the_programs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), TO_MEND


def test_every_exit_status_is_on_the_page() -> None:
    """Every constant of the modules that end with it; whoever adds one adds a line to STATUSES."""
    assert STATUSES.keys() == ENDINGS.keys() == all_verbs().keys()
    for module in {module for modules in ENDINGS.values() for module in modules}:
        told = {status for verb in STATUSES if module in ENDINGS[verb] for status in STATUSES[verb]}
        constants = {name: str(value) for name, value in vars(module).items() if name.startswith("EXIT_")}
        assert constants
        for name, status in constants.items():
            assert status in told, f"{module.__name__}.{name}"


@pytest.mark.parametrize("verb", list(all_verbs()))
def test_help_names_every_exit_status_of_its_own(verb: str) -> None:
    """What comes of signals is common to all programs, and left to the page."""
    said = set(re.findall(r"\d+", parsers()[verb].epilog or ""))
    assert {status for status in STATUSES[verb] if status not in ("130", "128+n")} <= said


def test_a_new_option_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the page can fail: an option that it lacks makes another page."""
    sound = bayou.explore.main._parser

    def with_one_more(prog: str) -> object:
        parser = sound(prog)
        parser.add_argument("--brand-new", metavar="N", help="something that did not exist before")
        return parser

    monkeypatch.setattr(bayou.explore.main, "_parser", with_one_more)
    assert ("--brand-new N", "something that did not exist before") in options_of(parsers()["explore"])
    assert "| `--brand-new N` |" not in section("bayou explore")
    assert page() != PAGE.read_text(encoding="utf-8")
