"""The mail server of the tests: real sockets, behaviour as text (appliance/pretend/script.py says how).

MX hosts are told apart by loopback address: 127.0.0.10, 127.0.0.11, …, all on one port.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.pretend.mailserver import MailServer, Received

__all__ = ["MailServer", "Received", "certificate", "mail_server", "tls_context"]


@asynccontextmanager
async def mail_server(
    script: str = "",
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    name: str = "mx.pretend.example",
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
) -> AsyncIterator[MailServer]:
    """A running mail server. `STARTTLS on` in the script needs `tls` (see tls_context)."""
    server = MailServer(script, name, tls, implicit)
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.stop()


def certificate(folder: Path, name: str = "mx.pretend.example") -> Path:
    """A fresh self-signed certificate and its key in one PEM file, for `name` (a host name or an address)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    alternative: x509.GeneralName
    try:
        alternative = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def tls_context(folder: Path, name: str = "mx.pretend.example") -> ssl.SSLContext:
    """What a server needs to talk TLS under that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder, name))
    return context
