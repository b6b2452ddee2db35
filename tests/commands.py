"""Running ``bayou ...`` as a user does, to its end or until somebody ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import Master


def bayou(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``bayou`` with these arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bayou", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=120,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
        check=False,
    )


class Bayou(Master):
    """A ``bayou`` that is under way, with all that it has started."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bayou", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
