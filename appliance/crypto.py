"""The door of `cryptography`: self-signed certificates, facts about certificates, and sealing under a passphrase.

Reading raises ValueError for what is no certificate. `unseal` raises WrongKey when the passphrase is not the one that
sealed or an octet differs; nothing of the content is given out before that is certain.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

SALT, NONCE = 16, 12
_COST: Final = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 1 << 27, "dklen": 32}


@dataclass(frozen=True, slots=True)
class Certificate:
    """`ends_at` seconds since 1970; `names` its DNS names; `fingerprint` SHA-256 as AA:BB:..."""

    ends_at: float
    names: tuple[str, ...]
    fingerprint: str


class WrongKey(Exception):
    """Not the passphrase that sealed this, or what is sealed was changed."""


def certificate(chain: bytes) -> Certificate:
    """Facts about the first certificate of a PEM chain. Raises ValueError."""
    found = x509.load_pem_x509_certificate(chain)
    try:
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(alternatives.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    fingerprint = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(found.not_valid_after_utc.timestamp(), names, fingerprint)


def self_signed(name: str, now: float, days: int, more: Sequence[str] = ()) -> tuple[bytes, bytes]:
    """PEM of a new certificate for `name` and `more` names, valid for `days` from `now` on, and of its key (RSA: old
    devices know nothing else)."""
    names = [x509.DNSName(each) for each in dict.fromkeys((name, *more))]
    private = rsa.generate_private_key(65537, 2048)
    begin = datetime.datetime.fromtimestamp(now, datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - datetime.timedelta(days=1))
        .not_valid_after(begin + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), secret


def seal(octets: bytes, passphrase: str, label: bytes) -> bytes:
    """Salt, nonce and AES-256-GCM of `octets` under scrypt of `passphrase`; `label` must be the same at `unseal`."""
    salt, nonce = secrets.token_bytes(SALT), secrets.token_bytes(NONCE)
    return salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, octets, label)


def unseal(sealed: bytes, passphrase: str, label: bytes) -> bytes:
    """What was sealed. Raises WrongKey."""
    salt, nonce, rest = sealed[:SALT], sealed[SALT : SALT + NONCE], sealed[SALT + NONCE :]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, rest, label)
    except (InvalidTag, ValueError) as error:
        raise WrongKey from error


def _key(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode("utf-8", "surrogatepass"), salt=salt, **_COST)
