"""Addresses and secrets as programs give them, and what to tell where nobody can be reached."""

from __future__ import annotations

import os

from bayou.library.errors import Error, LostMemory, Unavailable, WrongCluster, WrongSecret
from bayou.net.address import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from bayou.host.station import Station

    Secret = str | PathLike[str] | bytes


def address(text: str) -> str:
    """Return an address, HOST:PORT; ValueError, TypeError where it is none."""
    if not isinstance(text, str):
        raise TypeError(f"a {type(text).__name__} as an address, where HOST:PORT is due")
    parse(text)
    return text


def addresses(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return one address or several; ValueError, TypeError for what is none."""
    if given is None:
        return ()
    return tuple(map(address, (given,) if isinstance(given, str) else given))


def given_secrets(secret: Secret) -> tuple[bytes, ...]:
    """Return the secrets that were given, or are in the file that was. SecretError where there are none."""
    from bayou.host.secrets import SECRET_BYTES, read_secrets

    if isinstance(secret, bytes):
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a secret of {len(secret)} bytes, where it has {SECRET_BYTES}")
        return (secret,)
    return read_secrets(os.fsdecode(secret))


def check_secret(station: Station) -> None:
    """Raise WrongSecret where a file was opened without its secret, which is for work offline only."""
    if not station.secrets:
        raise WrongSecret(
            f"{station.place}-secret: there is no secret, so only work offline goes on: copy that of any "
            f"server of the cluster there, and open {station.place} again"
        )


def unreachable(failures: dict[str, str], *, within_s: float | None = None) -> Error:
    """Return what to tell of servers that can't be reached, given why."""
    from bayou.host.acquaintances import OTHER_CLUSTER

    said = "; ".join(f"{address}: {why}" for address, why in failures.items())
    if any(OTHER_CLUSTER in why for why in failures.values()):
        return WrongCluster(f"{said}: only servers of one's own cluster can be asked")
    if any(why.endswith("handshake was over") for why in failures.values()):
        return WrongSecret(
            f"{said}: is the secret the same there? It is in the file whose name ends on -secret"
        )
    if any("copies of one file" in why or "older copy of its file" in why for why in failures.values()):
        return LostMemory(
            f"{said}: the file is an older copy, or a second one, of that which others have met: go on with "
            "the latest one, or open a new file with join=HOST:PORT"
        )
    said = said or f"no answer within {within_s:g} s"
    return Unavailable(f"{said}: does it run, and is there a network?")
