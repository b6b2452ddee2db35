"""Writes that are carried between replicas in files (Petersen '97, "Anti-entropy over transportable
media")."""

from __future__ import annotations

import os

from bayou.core.errors import BayouError
from bayou.core.vector import START
from bayou.host import carrier
from bayou.library.errors import Gap, StorageDamaged, StorageFull, WrongCluster, told
from bayou.library.reaching import check_secret
from bayou.machine.messages import Failed
from bayou.wire.exports import BadExport, parse_position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import NoReturn

    from bayou.host.station import Station
    from bayou.machine.messages import Message

    Carry = Callable[[Message], Message]


def export_file(
    station: Station, carry: Carry, secrets: tuple[bytes, ...], path: str | PathLike[str], beyond: str | None
) -> None:
    """Write a file for a server that stands at ``beyond``."""
    check_secret(station)
    csn, vector = (0, START) if beyond is None else parse_position(beyond)
    name = station.machine.replica.name
    try:
        carrier.export(
            _asking(carry),
            os.fsdecode(path),
            secrets[0],
            cluster=station.me.cluster,
            name=name,
            csn=csn,
            vector=vector,
        )
    except (BayouError, OSError) as error:
        _told(error, path)


def import_file(station: Station, carry: Carry, secrets: tuple[bytes, ...], path: str | PathLike[str]) -> int:
    """Take a file in; return how many writes were new."""
    check_secret(station)
    try:
        report = carrier.import_file(_asking(carry), os.fsdecode(path), secrets, cluster=station.me.cluster)
    except (BayouError, OSError) as error:
        _told(error, path)
    return report.new


def _asking(carry: Carry) -> Carry:
    def ask(order: Message) -> Message:
        answer = carry(order)
        if isinstance(answer, Failed):
            raise BayouError(answer.why)
        return answer

    return ask


def _told(error: BayouError | OSError, path: str | PathLike[str]) -> NoReturn:
    from errno import EDQUOT, ENOSPC

    if isinstance(error, carrier.Gap):
        raise Gap(str(error)) from error
    if isinstance(error, BadExport):
        kind = WrongCluster if "another cluster" in str(error) else StorageDamaged
        raise kind(str(error)) from error
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        raise StorageFull(f"{os.fsdecode(path)} can't be written: there is no room left") from error
    told(error)
