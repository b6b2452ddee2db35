"""Who is let in: secrets, how they are changed while servers run, and TLS around the handshake."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bayou.host.caller import CallFailed
from bayou.host.secrets import SecretError, make_secret, read_secrets
from bayou.net.tls import Tls, TlsError
from bayou.node.messages import OK
from tests.serving import Served, Servers, bayou

# Files of secrets.


def test_a_secret_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    make_secret(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    (secret,) = read_secrets(str(path))
    assert len(secret) == 32
    make_secret(str(path))
    assert read_secrets(str(path)) == (secret,)
    assert list(tmp_path.iterdir()) == [path]


def test_several_secrets_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("11" * 32 + "\n" + "22" * 32 + "\n\n")
    path.chmod(0o600)
    assert read_secrets(str(path)) == (b"\x11" * 32, b"\x22" * 32)


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        ("", 0o600, "holds 0 secrets"),
        ("ab" * 31, 0o600, ":1: this is no secret of 64 hexadecimal digits"),
        ("ab" * 32 + "\nxy", 0o600, ":2: this is no secret"),
        ("ab" * 32 + "\n", 0o640, "others can read or change it; chmod 600"),
        (("ab" * 32 + "\n") * 9, 0o600, "no secret|holds 9 secrets"),
    ],
)
def test_what_is_no_file_of_secrets(tmp_path: Path, content: str, mode: int, why: str) -> None:
    path = tmp_path / "secret"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(SecretError, match=why):
        read_secrets(str(path))


def test_no_secret_at_all(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="--secret-file"):
        read_secrets(str(tmp_path / "missing"))
    with pytest.raises(SecretError, match="can't be made"):
        make_secret(str(tmp_path / "nowhere" / "secret"))


@pytest.mark.processes
def test_one_that_joins_makes_no_secret_of_its_own(tmp_path: Path) -> None:
    done = bayou(
        "serve", "--data", "new.bayou", "--listen", "127.0.0.1:0", "--join", "127.0.0.1:1", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "new.bayou-secret: there is no secret; copy it" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.processes
def test_the_secret_is_changed_while_all_serve(tmp_path: Path) -> None:
    """Add the new one behind the old one everywhere, then before it, then let the old one go: server by
    server, and at each moment all are connected."""
    old, new = "11" * 32, "22" * 32
    with Servers(tmp_path, 3) as servers:
        servers[0].secret.write_text(old)
        servers[0].secret.chmod(0o600)
        servers.start_all()
        for step, lines in enumerate(((old, new), (new, old), (new,))):
            for at, server in enumerate(servers.all):
                server.secret.write_text("\n".join(lines))
                assert server.stop() == 0
                server.start()
                assert server.put(f"{step}-{at}", "put").verdict == OK
                servers.wait_level()
        with pytest.raises(CallFailed, match="can't be reached"):
            servers[0].call(_written(tmp_path / "old", old))
        assert [servers[2].get(f"{step}-{at}") for step in range(3) for at in range(3)] == ["put"] * 9


def _written(path: Path, secret: str) -> Path:
    path.write_text(secret)
    path.chmod(0o600)
    return path


# TLS.


class Authority:
    """A certificate authority, and what it signs."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = self._signed(self._subject, self._key, is_authority=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(
            issuer_name=self._subject,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(hours=1),
            not_valid_after=now + datetime.timedelta(days=1),
        )
        constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
        return builder.add_extension(constraints, critical=True).sign(self._key, hashes.SHA256())

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return the paths of a new certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        cert_path, key_path = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        cert_path.write_bytes(self._signed(subject, key).public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return cert_path, key_path

    def tls(self, name: str) -> Tls:
        cert, key = self.issue(name)
        return Tls(str(cert), str(key), str(self.path))

    def options(self, name: str) -> tuple[str, ...]:
        cert, key = self.issue(name)
        return "--tls-cert", str(cert), "--tls-key", str(key), "--tls-ca", str(self.path)


@pytest.mark.processes
def test_servers_and_clients_talk_over_tls(tmp_path: Path) -> None:
    """Much of it, so that it goes in many parts, both ways."""
    ours = Authority(tmp_path, "ours")
    with Servers(tmp_path, 2) as servers:
        servers[0].start(*ours.options("a"))
        with servers[0].session(ours.tls("client")) as session:
            for at in range(20):
                assert session.put(f"key-{at}", f"{at}" * 200_000).verdict == OK
            servers[1].start("--join", servers[0].address, *ours.options("b"))
            with servers[1].session(ours.tls("another")) as other:
                assert [other.get(f"key-{at}") for at in range(20)] == [f"{at}" * 200_000 for at in range(20)]
        done = bayou(
            "stats",
            servers[0].address,
            "--secret-file",
            str(servers[0].secret),
            *ours.options("asks"),
            cwd=tmp_path,
        )
        assert "servers_connected 1" in done.stdout, done.stderr
        assert [server.stop() for server in servers.all] == [0, 0]


@pytest.mark.processes
def test_who_shows_no_certificate_of_the_authority_is_not_let_in(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    with Servers(tmp_path, 2) as servers:
        servers[0].start(*ours.options("a"))
        with pytest.raises(CallFailed, match="can't be reached"):
            servers[0].call()  # the secret alone is not enough
        with pytest.raises(CallFailed, match="certificate verify failed"):
            servers[0].call(tls=theirs.tls("stranger"))
        half = Tls(
            *map(str, (*theirs.issue("half"), ours.path))
        )  # which trusts the server, and is not trusted
        with pytest.raises(CallFailed, match="no TLS with it"):
            servers[0].call(tls=half)
        with servers[0].session(ours.tls("client")) as session:
            assert session.put("still", "served").verdict == OK
        wrong = tmp_path / "wrong"
        wrong.write_text("ab" * 32)
        wrong.chmod(0o600)
        with pytest.raises(CallFailed, match="is the secret the same"):
            servers[0].call(wrong, ours.tls("forgetful"))  # the certificate alone is not enough either
        servers[1].start("--join", servers[0].address, is_awaited=False)
        servers[1].wait_told("unreachable")
        assert servers[1].lines() == ""


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    cert, key = ours.issue("a")
    _, other_key = ours.issue("b")
    with pytest.raises(TlsError, match=r"missing\.crt"):
        Tls(str(tmp_path / "missing.crt"), str(key), str(ours.path))
    with pytest.raises(TlsError, match="key values mismatch"):
        Tls(str(cert), str(other_key), str(ours.path))
    with pytest.raises(TlsError, match="of the authority can't be used"):
        Tls(str(cert), str(key), str(key))


@pytest.mark.processes
def test_options_that_belong_together(tmp_path: Path) -> None:
    done = bayou("serve", "--data", "a.bayou", "--tls-cert", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert "--tls-cert, --tls-key and --tls-ca belong together" in done.stderr


@pytest.mark.processes
def test_a_warning_where_others_could_listen(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    for options, warnings in (((), 1), (ours.options("a"), 0)):
        server = Served(tmp_path, f"x{warnings}", "0.0.0.0")
        try:
            server.start(*options, "--advertise", f"127.0.0.1:{server.port}")
            assert server.told().count("not encrypted") == warnings
            assert server.stop() == 0
        finally:
            server.kill()
    shutil.rmtree(tmp_path)
