"""The examples on the pages for those who program with the store run, and print what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bayou
from tests.clusters import free_ports

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


pytestmark = pytest.mark.processes


def test_the_examples_of_the_library_print_what_stands_there(tmp_path: Path) -> None:
    blocks = BLOCK.findall((DOCS / "library.md").read_text())
    programs = [text for kind, text in blocks if kind == "python"]
    expected = "".join(text for kind, text in blocks if kind == "text")
    assert len(programs) > 3
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(programs)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    pattern = re.escape(expected).replace(re.escape("..."), "[0-9]+")
    assert re.fullmatch(pattern, run.stdout), f"{run.stdout}\n--- where the page has\n{expected}"


def test_the_quickstart_from_its_first_to_its_last_command(tmp_path: Path) -> None:
    """All but the installation, with a port that is free, and a wait for the server where a reader would
    look."""
    text = (DOCS / "quickstart.md").read_text()
    blocks = BLOCK.findall(text)
    (program,) = [each for kind, each in blocks if kind == "python"]
    commands = [each for kind, each in blocks if kind == "sh"][1:]
    expected = [each for kind, each in blocks if kind == "text"]
    port = str(free_ports(1)[0])
    (tmp_path / "notes.py").write_text(program.replace("7474", port))
    script = "set -e -m\nstarted() { while ! grep -qs serving out; do sleep 0.05; done; }\n" + "".join(
        commands
    )
    script = re.sub(r"^(bayou serve .*) &$", r"rm -f out; \1 > out 2>> err & started", script, flags=re.M)
    script += "kill %%; wait\n"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    run = subprocess.run(
        ["bash", "-c", script.replace("7474", port)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "".join(expected)


def test_the_commands_of_the_library_page_do_what_stands_there(tmp_path: Path) -> None:
    (block,) = [each for kind, each in BLOCK.findall((DOCS / "library.md").read_text()) if kind == "console"]
    bayou.open(tmp_path / "notes.bayou").close()
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    expected = "".join(f"{line}\n" for line in block.splitlines() if not line.startswith("$ "))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    run = subprocess.run(
        ["bash", "-ec", "\n".join(commands)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    pattern = re.sub(r"[0-9]{16}@", "[0-9]{16}@", re.escape(expected))  # a stamp is the time of day
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(pattern, run.stdout), run.stdout
