"""``python3 -m bayou``: the same as the ``bayou`` command."""

from __future__ import annotations

import sys

from bayou.cli import main

if __name__ == "__main__":
    sys.exit(main())
