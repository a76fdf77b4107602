"""Certificates for tests of TLS: an authority as a household has one, and what it signs; knows no server and no client."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate: `pem` is what may be known of it, `context()` what a server needs to speak with it."""

    pem: str
    _key: bytes = field(repr=False)

    def context(self) -> ssl.SSLContext:
        """For a server, such as `asyncio.start_server(…, ssl=…)`."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "certificate.pem")
            file.write_bytes(self._key + self.pem.encode())
            made.load_cert_chain(file)
        return made


class Authority:
    """A private CA that nobody has heard of; `pem` is its own certificate."""

    def __init__(self, name: str = "A household's CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        builder = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self._own = builder.add_extension(_key_usage(signs=True), critical=True).sign(self._key, hashes.SHA256())
        self.pem = _pem(self._own)

    def certificate(self, *names: str, expired: bool = False) -> Certificate:
        """A certificate for these host names and addresses (none: 127.0.0.1). `expired`: since an hour ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = names or ("127.0.0.1",)
        builder = (
            _builder(_named(names[0]), self._name, key, expired=expired)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        return _certificate(builder.sign(self._key, hashes.SHA256()), key)


def self_signed(*names: str, expired: bool = False) -> Certificate:
    """A certificate that vouches for itself, as devices at home make them; names and dates as for `Authority`."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = names or ("127.0.0.1",)
    own = _named(names[0])
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    builder = _builder(own, own, key, expired=expired).add_extension(alternatives, critical=False)
    return _certificate(builder.sign(key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, expired: bool = False
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(now - timedelta(hours=1) if expired else now + _DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _certificate(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Certificate:
    plain = serialization.NoEncryption()
    raw = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return Certificate(_pem(certificate), raw)
