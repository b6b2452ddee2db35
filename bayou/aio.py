"""The store for programs of asyncio: the twins of ``bayou.open`` and ``bayou.connect``.

The names are the same, what waits is a coroutine, and what is gone through is so by ``async for``. No threads
are started: the event loop watches the sockets, and writes that tasks begin at once share a sync of the disk.

>>> import asyncio, bayou.aio
>>> async def main():
...     async with await bayou.aio.open(":memory:") as db:
...         notes = db["notes"]
...         await asyncio.gather(*[notes.put(day, "milk") for day in ("monday", "tuesday")])
...         return [row.key async for row in notes.scan()]
>>> asyncio.run(main())
['monday', 'tuesday']
"""

from __future__ import annotations

from bayou.library.aireplica import Replica, open
from bayou.library.aisession import Session, connect
from bayou.library.aistores import Collection, Store

__all__ = ["Collection", "Replica", "Session", "Store", "connect", "open"]
