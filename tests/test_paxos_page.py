"""The page about Paxos shows what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import bayou.paxos
from bayou.cli import main
from tests.paxos_bugs import BUGS
from tests.test_docs import blocks

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "paxos.md"


def test_its_snippets_run_one_after_the_other() -> None:
    lesson = PAGE.read_text().split("\n## The roles\n", maxsplit=1)[0]
    snippets = re.findall(r"^```python\n(.*?)^```", lesson, re.MULTILINE | re.DOTALL)
    assert sum(block.count("assert ") for block in snippets) > 10
    namespace: dict[str, object] = {}
    for block in snippets:
        exec(compile(block, str(PAGE), "exec"), namespace)
    assert getattr(namespace["learner"], "value") == "red"  # noqa: B009


@pytest.mark.parametrize("block", [b for b in blocks(PAGE, "console") if b.startswith("$ bayou paxos")])
def test_its_commands_print_what_it_says(block: str, capfd: pytest.CaptureFixture[str]) -> None:
    command, shown = block.split("\n", 1)
    main(shlex.split(command)[2:])
    told = capfd.readouterr()
    assert told.out + told.err == shown


def test_it_names_every_role() -> None:
    text = PAGE.read_text()
    for name in ("Proposer", "Acceptor", "Learner", "Node", "HeartbeatNode", "RingElection"):
        assert re.search(rf"^{name}\(", text, re.MULTILINE), name
        assert name in bayou.paxos.__all__
    assert len(BUGS) == 11
    assert "eleven bugs" in text
