"""The certificate authority of a data directory: makes keys and certificates, all local files."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.identity import Identity, Role

VALID_DAYS = 825
# The clocks of two machines differ; a certificate is good a little before it was made.
BACKDATED = dt.timedelta(hours=1)
CA_NAME = "ca"

STANDARD = (
    Identity(Role.ENGINE, "engine"),
    Identity(Role.GATEWAY, "singlewindow"),
    Identity(Role.GATEWAY, "bank"),
    Identity(Role.GATEWAY, "safe"),
    Identity(Role.GATEWAY, "pboc"),
    Identity(Role.INSTITUTION, "customs-institution"),
    Identity(Role.INSTITUTION, "bank-institution"),
    Identity(Role.INSTITUTION, "safe-institution"),
    Identity(Role.INSTITUTION, "pboc-institution"),
    Identity(Role.OPERATOR, "operator"),
    Identity(Role.OFFICER, "officer-1"),
    Identity(Role.OFFICER, "officer-2"),
    Identity(Role.AUTHORITY, "authority"),
    Identity(Role.DECLARANT, "declarant"),
)


class Authority:
    """Issues identities under one self-made root, kept in a folder."""

    def __init__(self, keys: Path) -> None:
        self._keys = keys

    def establish(self) -> None:
        """Makes the root unless it is there."""
        self._keys.mkdir(parents=True, exist_ok=True)
        self._keys.chmod(0o700)
        if (self._keys / f"{CA_NAME}.key").exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whampoa root")])
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certificate_sign=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        self._write(CA_NAME, key, certificate)

    def issue(self, identity: Identity) -> bool:
        """Makes the key and certificate of an identity; false when they were there before."""
        if (self._keys / f"{identity.name}.key").exists():
            return False
        ca_key = serialization.load_pem_private_key(
            (self._keys / f"{CA_NAME}.key").read_bytes(), password=None
        )
        ca = x509.load_pem_x509_certificate((self._keys / f"{CA_NAME}.pem").read_bytes())
        if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{self._keys / CA_NAME}.key is no elliptic-curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity.name)])
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        names = [
            x509.UniformResourceIdentifier(identity.uri),
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        certificate = (
            _builder(ca.subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificate_sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        self._write(identity.name, key, certificate)
        return True

    def _write(
        self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> None:
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        (self._keys / f"{name}.pem").write_bytes(public)
        # The key comes last and whole: whoever finds it finds the certificate too.
        beside = self._keys / f"{name}.key.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        beside.replace(self._keys / f"{name}.key")


def _builder(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
    )


def _usage(*, certificate_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificate_sign,
        key_cert_sign=certificate_sign,
        crl_sign=certificate_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
