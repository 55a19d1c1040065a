"""The name server of the tests: real sockets, a zone as text (appliance/pretend/nameserver.py says how)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.pretend.nameserver import Nameserver

__all__ = ["Nameserver", "nameserver"]


@asynccontextmanager
async def nameserver(zone: str = "", host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Nameserver]:
    """A running name server; its `address` goes into dns.servers."""
    server = Nameserver(zone)
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.stop()
