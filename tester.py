#!/usr/bin/env python3
"""Run the golden scenarios of the current directory: ``tester.py --help`` tells how."""

from __future__ import annotations

import sys

from bayou.tester.main import main

if __name__ == "__main__":
    sys.exit(main())
