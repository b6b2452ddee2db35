"""Run the benchmarks and print what they gave beside what is asked for.

    python -m benchmarks             all of them, some minutes
    python -m benchmarks --quick     fewer repetitions and smaller logs, for a first look
    python -m benchmarks chains log  those whose name holds one of the words

Times are medians; ratios are taken between things measured in turn in one run, since the speed of a
machine drifts. Nothing here passes or fails: that is for whoever reads the table.
"""

from __future__ import annotations

import argparse
import platform
import sys

from benchmarks import (
    changes,
    consensus,
    durable,
    exchange,
    explore,
    groups,
    histories,
    lasting,
    log,
    replica_file,
    rivals,
    scenarios,
    storage,
    year,
)
from benchmarks.table import Row, print_table

GROUPS = {
    "start": scenarios.start,
    "join": scenarios.join,
    "mesh": scenarios.mesh,
    "golden": scenarios.golden,
    "tester": scenarios.tester,
    "chains": scenarios.chains,
    "log": log.late_write,
    "exchange": exchange.bulk,
    "memory": log.memory,
    "changes": changes.changes,
    "campaigns": explore.campaigns,
    "restart": storage.restart,
    "durable": durable.durable,
    "file": replica_file.bare_file,
    "lasting": lasting.lasting,
    "groups": groups.groups,
    "year": year.year,
    "messages": explore.messages,
    "simulated": explore.simulated,
    "histories": histories.histories,
    "chat": scenarios.chat,
    "commands": consensus.commands,
    "rivals": rivals.rivals,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n\n")[0] if __doc__ else ""
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and smaller logs")
    options = parser.parse_args()
    chosen = [name for name in GROUPS if not options.names or any(word in name for word in options.names)]
    if not chosen:
        parser.error(f"there is no such benchmark: choose from {', '.join(GROUPS)}")
    rows: list[Row] = []
    for name in chosen:
        if sys.stderr.isatty():
            print(f"... {name}", file=sys.stderr)
        rows += GROUPS[name](quick=options.quick)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
