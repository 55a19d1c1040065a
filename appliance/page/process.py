"""`outbox page`: the page as a process of its own, and the door to waitress.

Needs the relay's control socket to show anything, nothing to run: with a dead relay it says so. SIGTERM ends it within
seconds. Returns 0, or 1 with a line in the log when a port cannot be had.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server

from appliance.addresses import own_addresses
from appliance.notify import notify
from appliance.page.app import Web
from appliance.page.certificate import Certificate
from appliance.page.facts import Facts
from appliance.page.front import Front, inner_socket
from appliance.page.guard import Networks
from appliance.settings.schema import Settings

THREADS: Final = 6
START_S: Final = 45.0
STOP_S: Final = 3.0
BODY_MAX: Final = 1 << 18  # octets of a form
HEADER_MAX: Final = 16384
CERTIFICATE_S: Final = 30.0
log = logging.getLogger(__name__)
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def behind(front: Front, app: Wsgi) -> Wsgi:
    """`app` as seen through the front: the client's own address and scheme; strangers to the front get nothing."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        peer = front.who(int(environ.get("REMOTE_PORT") or 0))
        if peer is None:
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"this is not the way in\n"]
        environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = peer.address
        environ["wsgi.url_scheme"] = "https" if peer.secure else "http"
        return app(environ, start_response)

    return wrapped


def channel_of(takes: Callable[[str, str, int], bool]) -> type[HTTPChannel]:
    """Connections of waitress on which a body larger than BODY_MAX is refused by its head, before any of it is read,
    unless `takes(path, cookies, octets)`."""

    class Parser(HTTPRequestParser):
        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)  # type: ignore[no-untyped-call]
            octets = self.content_length
            if octets >= BODY_MAX and takes(self.path, self.headers.get("COOKIE", ""), octets):
                self.adj = copy.copy(self.adj)
                self.adj.max_request_body_size = octets + 1

    class Channel(HTTPChannel):
        parser_class = Parser

    return Channel


class Page:
    """All parts, wired. `bound` are the addresses listened on: the plain one first."""

    def __init__(self, settings: Settings, trouble: str = "") -> None:
        self._settings = settings
        self._certificate = Certificate(settings)
        self._certificate.context()
        self._socket = inner_socket()
        every = [*settings.page.networks, *settings.page.metrics_networks, *settings.page.api_networks]
        self._front = Front(self._socket.getsockname()[:2], Networks(every))
        web = Web(settings, Facts(settings, trouble, START_S), self._certificate, own_addresses)
        self._server = create_server(
            behind(self._front, web.app),
            sockets=[self._socket],
            threads=THREADS,
            ident="",
            channel_timeout=60,
            cleanup_interval=10,
            connection_limit=200,
            max_request_body_size=BODY_MAX,
            max_request_header_size=HEADER_MAX,
            expose_tracebacks=False,
        )
        self._server.channel_class = channel_of(web.takes)
        if web.files.ready:  # what is too large for memory waits on the card
            web.files.tidy()
            tempfile.tempdir = settings.paths.updates
        self._thread = threading.Thread(target=self._server.run, name="waitress", daemon=True)

    @property
    def inner(self) -> tuple[str, int]:
        """Where the server within listens."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def bound(self) -> list[tuple[str, int]]:
        return self._front.bound

    async def start(self) -> None:
        """Raises OSError when a port is taken."""
        page = self._settings.page
        if page.port:
            await self._front.listen(page.address, page.port)
        if page.tls_port:
            await self._front.listen(page.address, page.tls_port, self._certificate.context)
        self._thread.start()

    async def stop(self) -> None:
        await self._front.stop()
        await asyncio.to_thread(self._end)
        tempfile.tempdir = None

    def _end(self) -> None:
        """Workers first, then the loop that they wake; its sockets are closed in its own thread."""
        self._server.task_dispatcher.shutdown(timeout=STOP_S)
        if self._thread.is_alive():
            self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._server._map, ignore_all=True))
            self._thread.join(STOP_S)
        else:
            self._server.close()


async def run(settings: Settings, trouble: str = "") -> int:
    """Until SIGTERM or SIGINT; the exit status."""
    if not settings.page.enabled:
        log.info("the page is switched off: page.enabled")
        return 0
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # many clients at once are no news
    page = Page(settings, trouble)
    try:
        await page.start()
    except OSError as error:
        log.error("the page cannot listen: %s", error)
        await page.stop()
        return 1
    log.info("page at %s", page.bound)
    notify("READY=1")
    await stopping.wait()
    notify("STOPPING=1")
    await page.stop()
    return 0
