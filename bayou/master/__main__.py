"""``python3 -m bayou.master``: run a scenario."""

from __future__ import annotations

import gc
import os

from bayou._lean import quiet_interrupts

quiet_interrupts()
gc.disable()  # while importing there is nothing to collect

from bayou.master.main import main  # noqa: E402

if __name__ == "__main__":
    # All is flushed and all children are gone: what the interpreter would tidy up ends with it.
    os._exit(main())
