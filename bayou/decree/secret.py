"""The secret that nodes and clients on several hosts prove to each other that they know."""

from __future__ import annotations

import os

from bayou.core.errors import BayouError

SECRET_BYTES = 32
MODE = 0o600


class SecretError(BayouError):
    """The secret can't be had; says why, and what to do."""


def secret_in(path: str) -> bytes:
    """Return the secret in a file, which is made where there is none: by one process alone, whoever comes
    first, as a whole or not at all, and for its owner only."""
    if not os.path.lexists(path):
        _make(path)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SecretError(f"{path}: others can read it; chmod 600 {path}")
            text = file.read(4 * SECRET_BYTES)
    except OSError as error:
        raise SecretError(f"{path}: can't be read: {error.strerror}") from error
    try:
        secret = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise SecretError(
            f"{path}: is no secret, which is {2 * SECRET_BYTES} hexadecimal digits; "
            "copy it again from the host that made it, or remove it everywhere"
        )
    return secret


def _make(path: str) -> None:
    """Write it elsewhere and give it its name once it is whole, unless somebody else has done so."""
    own = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        fd = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            os.write(fd, os.urandom(SECRET_BYTES).hex().encode() + b"\n")
            os.fsync(fd)
            os.link(own, path)
        except FileExistsError:
            pass
        finally:
            os.close(fd)
            os.unlink(own)
    except OSError as error:
        raise SecretError(
            f"{path}: can't be made: {error.strerror}; --secret-file names another place"
        ) from error
