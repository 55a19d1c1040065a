"""Whether the PEM files that the settings name can be used: a wrong one would be met only when TLS starts.

`unusable` yields a complaint for each that cannot; it blocks for the card and never raises.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from appliance.settings.complaint import Complaint
from appliance.settings.schema import Settings


def unusable(settings: Settings) -> Iterator[Complaint]:
    own = settings.tls
    if own.certificate and own.private_key:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(own.certificate, own.private_key, password="")
        except (OSError, ValueError) as error:
            what = f"a PEM chain that fits the key in tls.private_key: {_why(error)}"
            yield Complaint("tls.certificate", repr(own.certificate), what)
    for number, relay in enumerate(settings.relay, 1):
        if relay.ca_file:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(relay.ca_file)
            except (OSError, ValueError) as error:
                yield Complaint(f"relay[{number}].ca_file", repr(relay.ca_file), f"a PEM file: {_why(error)}")


def _why(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
