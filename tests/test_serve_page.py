"""The page on servers that last says what happens: docs/serve.md."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import BAYOU, PATIENCE_S
from tests.test_docs import blocks

PAGE = Path(__file__).parent.parent / "docs" / "serve.md"
pytestmark = pytest.mark.processes


def test_the_two_servers_of_the_page(tmp_path: Path) -> None:
    """On other ports, as somebody may have these."""
    ports = free_ports(2)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for shown in blocks(PAGE, "console")[:2]:
            session = shown.replace("7474", str(ports[0])).replace("7475", str(ports[1]))
            command, expected = session.split("\n", 1)
            words = shlex.split(command.removeprefix("$ bayou "))
            with (tmp_path / f"{len(running)}.out").open("wb") as out:
                running.append(subprocess.Popen([*BAYOU, *words], cwd=tmp_path, stdout=out))
            path = tmp_path / f"{len(running) - 1}.out"
            wait_until(lambda path=path: path.read_text().endswith("\n"), PATIENCE_S)  # type: ignore[misc]
            assert _plain(path.read_text()) == _plain(expected)
    finally:
        for each in running:
            each.terminate()
        assert [each.wait(PATIENCE_S) for each in running] == [0, 0]


def _plain(line: str) -> str:
    """Return a line without what is drawn anew each time."""
    return re.sub(r"cluster=\w{8}\.\.\.", "cluster=", re.sub(r"<\d+>", "<name>", line))


def test_the_program_of_the_page(tmp_path: Path) -> None:
    (program,) = blocks(PAGE, "python")
    for starts in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, timeout=PATIENCE_S, check=True
        )
        assert done.stdout == b"%d 0\n" % starts


def test_the_authority_of_the_page(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command here")
    from bayou.net.tls import Tls

    for line in blocks(PAGE, "console")[2].splitlines():
        subprocess.run(
            shlex.split(line.removeprefix("$ ")),
            cwd=tmp_path,
            capture_output=True,
            timeout=PATIENCE_S,
            check=True,
        )
    Tls(*(str(tmp_path / name) for name in ("a.pem", "a.key", "ca.pem")))
