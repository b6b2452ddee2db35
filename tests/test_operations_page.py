"""The page for those who run servers is carried out, command by command: docs/operations.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
import sortedcontainers

from bayou._statuses import EXIT_DAMAGED, EXIT_IN_USE, EXIT_IO
from tests.machines import PATIENCE_S, Machine, Network, Unit
from tests.test_packaging import built

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
LOOKS = re.compile(r"bayou (get|stats|position) 127|bayou group 127\S+ --secret|curl ")
BLOCK = re.compile(r"^```(\w+)((?: \w+)*)\n(.*?)^```$", re.M | re.S)


def blocks() -> list[tuple[str, list[str], str]]:
    """Return the kind, the machines and the text of each block."""
    return [(kind, on.split(), text) for kind, on, text in BLOCK.findall(PAGE.read_text())]


def units() -> dict[str, str]:
    """Return the units of the page, by name."""
    found = {}
    for kind, _, text in blocks():
        if kind == "ini":
            path = re.match(r"# /etc/systemd/system/(\S+)\n", text)
            assert path is not None
            found[path[1]] = text
    return found


def steps(text: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with what it prints."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:-1], ""))
        else:
            command, expected = found.pop()
            found.append((command, expected + line))
    return found


def as_pattern(expected: str) -> str:
    """Return a pattern for what is printed: ``...`` is anything, a line of it any lines."""
    pattern = "".join(
        "(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(re.escape("..."), ".*?")
        for line in expected.splitlines(keepends=True)
    )
    return re.sub(r"cluster=\w{8}", r"cluster=\\w{8}", pattern)


def carry_out(machine: Machine, command: str, expected: str) -> None:
    """Carry out a command, and see that it prints what the page has. What only looks at a server is typed
    again until it shows that: news travel."""
    until = monotonic() + PATIENCE_S / 3
    while True:
        status, printed, complained = machine.type(command)
        if status == 0 and re.fullmatch(as_pattern(expected), printed):
            return
        if not LOOKS.match(command) or monotonic() > until:
            pytest.fail(f"{machine.name}$ {command}\n{printed}{complained}--- where the page has\n{expected}")


@pytest.mark.processes
@pytest.mark.slow
def test_every_command_of_the_page(tmp_path: Path) -> None:
    missing = [tool for tool in ("curl", "openssl") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)} here")
    with Network(tmp_path, "abcd") as network:
        _bring_packages(network)
        for machine in network.machines.values():
            for name, text in units().items():
                (machine.root / "etc/systemd/system" / name).write_text(text)
        for kind, on, text in blocks():
            if kind != "console":
                continue
            names = list(network.machines) if on == ["all"] else on
            assert set(names) <= set(network.machines), on
            for name in names:
                for command, expected in steps(text):
                    # The machines share what is installed.
                    if "/opt/bayou" not in command.split(" sudo ")[0] or name == "a" or "alias" in command:
                        carry_out(network.machines[name], command, expected)


def _bring_packages(network: Network) -> None:
    """Lay the wheel where it is installed from. What it depends on comes from where the tests have it."""
    wheel = built("build_wheel", network.root)
    for machine in network.machines.values():
        shutil.copy(wheel, machine.folder)
    network.packages.mkdir()
    (network.packages / "sortedcontainers").symlink_to(Path(sortedcontainers.__file__).parent)


def test_the_table_of_exit_statuses_is_right() -> None:
    text = PAGE.read_text()
    assert re.findall(r"^\| (\d+) \|", text, re.M) == [str(EXIT_DAMAGED), str(EXIT_IO), str(EXIT_IN_USE)]
    settings = Unit.parse(units()["bayou.service"]).settings
    assert settings["RestartPreventExitStatus"].split() == ["2", str(EXIT_DAMAGED)]


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze here")
    for name, text in units().items():
        there = text.replace("/opt/bayou/bin/bayou serve", f"{sys.executable} -m bayou serve")
        (tmp_path / name).write_text(there.replace("User=bayou", "User=root"))
    paths = [str(tmp_path / name) for name in units()]
    done = subprocess.run([program, "verify", *paths], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "bayou" in line]
    assert complaints == []
