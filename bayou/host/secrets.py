"""The secrets that all who take part in a cluster know.

A file has a secret a line, 32 random bytes in hexadecimal digits, for its owner only. To change the secret
while servers run, it holds several: the first is used to dial, all are accepted.
"""

from __future__ import annotations

import os

from bayou.core.errors import BayouError

SECRET_BYTES = 32
SECRETS_MAX = 8
MODE = 0o600


class SecretError(BayouError):
    """A secret can't be had; says why, and what to do."""


def read_secrets(path: str) -> tuple[bytes, ...]:
    """Return the secrets in a file, the one to dial with first. SecretError where it can't be read, others
    may read or change it, or it holds something else."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SecretError(f"{path}: others can read or change it; chmod 600 {path}")
            lines = file.read(SECRETS_MAX * (2 * SECRET_BYTES + 2) + 1).split()
    except FileNotFoundError as error:
        raise SecretError(
            f"{path}: there is no secret; copy it from the machine of a server of this cluster, for which "
            "bayou serve "
            "made it, or name it with --secret-file"
        ) from error
    except OSError as error:
        raise SecretError(f"{path}: can't be read: {error.strerror}") from error
    secrets = []
    for number, line in enumerate(lines, 1):
        try:
            secret = bytes.fromhex(line.decode("ascii"))
        except ValueError:
            secret = b""
        if len(secret) != SECRET_BYTES:
            raise SecretError(
                f"{path}:{number}: this is no secret of {2 * SECRET_BYTES} hexadecimal digits; copy it "
                "again from the "
                "machine where it was made"
            )
        secrets.append(secret)
    if not 0 < len(secrets) <= SECRETS_MAX:
        raise SecretError(f"{path}: holds {len(secrets)} secrets, where there are from one to {SECRETS_MAX}")
    return tuple(secrets)


def make_secret(path: str) -> None:
    """Write a new secret, unless there is one: as a whole or not at all, and for its owner only. SecretError
    where that can't be done."""
    if os.path.lexists(path):
        return
    own = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        fd = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            os.write(fd, os.urandom(SECRET_BYTES).hex().encode() + b"\n")
            os.fsync(fd)
            os.link(own, path)
        except FileExistsError:  # somebody else was faster
            pass
        finally:
            os.close(fd)
            os.unlink(own)
    except OSError as error:
        raise SecretError(
            f"{path}: can't be made: {error.strerror}; --secret-file names another place"
        ) from error
