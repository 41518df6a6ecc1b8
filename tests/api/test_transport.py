"""HTTPS: what is said between a caller and the API is sealed, and a device that is not known is not let in."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.running import ready
from deploy.settings import SettingsError, load_settings

from .test_process import served


class Certified(NamedTuple):
    certificate: Path
    key: Path


class Authority:
    """Somebody who certifies who a server or a device is."""

    def __init__(self, home: Path, name: str) -> None:
        self._home, self._key = home, ec.generate_private_key(ec.SECP256R1())
        self._name = named(name)
        made = self._certificate(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
        self.file = home / f"{name}.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def certify(self, name: str) -> Certified:
        key = ec.generate_private_key(ec.SECP256R1())
        found = Certified(self._home / f"{name}.crt", self._home / f"{name}.key")
        here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        made = self._certificate(named(name), key.public_key(), here)
        found.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        found.key.touch(0o600)
        found.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return found

    def _certificate(
        self, name: x509.Name, of: ec.EllipticCurvePublicKey, says: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(of)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(says, critical=isinstance(says, x509.BasicConstraints))
            .sign(self._key, hashes.SHA256())
        )


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def asking(trusted: Authority, as_device: Certified | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusted.file)
    if as_device:
        context.load_cert_chain(*as_device)
    return context


def test_who_shows_no_certificate_of_a_known_device_is_not_let_in_whatever_key_it_has(settings, key, tmp_path):
    ours, devices, strangers = (Authority(tmp_path, name) for name in ("ours", "devices", "strangers"))
    server, laptop, unknown = ours.certify("server"), devices.certify("laptop"), strangers.certify("unknown")
    known = asking(ours, laptop)
    given = {"api_certfile": server.certificate, "api_keyfile": server.key, "api_devices": devices.file}
    with served(settings, tmp_path, known, **given) as (_, url):
        bearer = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{url}/v1/customers", headers=bearer, verify=known).status_code == 200
        assert httpx.get(f"{url}/v1/customers", verify=known).status_code == 401, "a device is no caller"
        for stranger in (asking(ours), asking(ours, unknown)):
            with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                httpx.get(f"{url}/v1/customers", headers=bearer, verify=stranger)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            httpx.get(url.replace("https", "http"), headers=bearer)


def test_without_devices_https_is_for_everybody_who_trusts_its_certificate(settings, key, tmp_path):
    ours = Authority(tmp_path, "ours")
    server = ours.certify("server")
    with served(settings, tmp_path, asking(ours), api_certfile=server.certificate, api_keyfile=server.key) as (_, url):
        assert httpx.get(
            f"{url}/v1/customers", headers={"Authorization": f"Bearer {key}"}, verify=asking(ours)
        ).is_success
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health/ready", verify=asking(Authority(tmp_path, "others")))
        at = {"api_certfile": server.certificate, "api_keyfile": server.key, "api_port": int(url.rpartition(":")[2])}
        assert ready(settings.model_copy(update=at)), "status finds it under its own certificate"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CERTFILE": "server.crt"}, "belong together"),
        ({"DEVICES": "server.crt"}, "needs both"),
        ({"CERTFILE": "server.crt", "KEYFILE": "nowhere"}, "there is no file"),
        ({"CERTFILE": "server.crt", "KEYFILE": "server.crt"}, "readable by others"),
    ],
)
def test_half_a_certificate_or_a_key_for_all_to_read_is_refused(given, said, tmp_path, monkeypatch):
    Authority(tmp_path, "ours").certify("server").certificate.chmod(0o644)
    monkeypatch.setenv("KRONIKA_HOME", str(tmp_path))
    for name, file in given.items():
        monkeypatch.setenv(f"KRONIKA_API_{name}", str(tmp_path / file))
    with pytest.raises(SettingsError, match=said):
        load_settings()
