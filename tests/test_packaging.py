"""What is shipped: the wheel is typed, licensed, and has all of the package."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILD = "import sys, flit_core.buildapi as build; print(getattr(build, sys.argv[1])(sys.argv[2]))"


def built(what: str, directory: Path) -> Path:
    """Build a wheel or a source distribution as an installer does, but without a network."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, what, str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return directory / done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(built("build_wheel", tmp_path_factory.mktemp("wheel"))) as files:
        yield files


def test_the_wheel_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    """Type checkers believe the annotations of a package with this file in it, and of no other."""
    assert "bayou/py.typed" in wheel.namelist()


def test_the_wheel_has_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "bayou").rglob("*.py")}
    assert modules <= set(wheel.namelist())


def test_the_wheel_has_the_licence(wheel: zipfile.ZipFile) -> None:
    (directory,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    text = wheel.read(f"{directory}/licenses/LICENSE").decode()
    assert text == (ROOT / "LICENSE").read_text()
    assert "MIT License\n\nCopyright (c) 2026 the bayou authors\n" in text
    metadata = email.message_from_bytes(wheel.read(f"{directory}/METADATA"))
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert "the bayou authors" in (metadata["Author"], metadata["Author-email"])


def test_the_source_distribution_has_them_too(tmp_path: Path) -> None:
    with tarfile.open(built("build_sdist", tmp_path)) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "bayou/py.typed", "bayou/cli.py"} <= names


def test_a_program_that_imports_the_package_is_checked_against_its_types(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """As a user's mypy sees it, with the wheel in a virtual environment."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python3*/site-packages")
    wheel.extractall(site)
    (tmp_path / "program.py").write_text("import bayou\n\nbayou.__version__ + 1\n")
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--python-executable", str(tmp_path / "venv" / "bin" / "python"),
            "--config-file", "mypy.ini", "--cache-dir", "cache", "program.py",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 'program.py:3: error: Unsupported operand types for + ("str" and "int")' in done.stdout, (
        done.stdout
    )
    assert "Found 1 error in 1 file" in done.stdout
