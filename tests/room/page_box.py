"""A relay that says what a test wants, at a real control socket, and the page's Flask client before it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.interface.server import InterfaceServer
from appliance.page.app import Web
from appliance.page.certificate import Certificate
from appliance.page.facts import Facts
from appliance.ports import Refused
from appliance.settings.schema import Control, Network, Page, Paths, Settings

NOW = 1_800_000_000.0
PROBE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\u202e{{7*7}}"
PASSWORD = "correct horse battery"
SECRETS = ("anna@y.example", "secret subject", "192.0.2.7", "copier.helo", "mx.y.example", "boss@office.example")


def recipient(to: str, state: str = "pending", reply: str = "", **more: Any) -> dict[str, Any]:
    host = "mx.y.example[192.0.2.9]" if reply else ""
    row = {"to": to, "state": state, "reply": reply, "host": host, "at": NOW - 60, "cure": "Check the address."}
    return row | more


def message(queue_id: str, *recipients: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": queue_id, "phase": "deferred", "from": "boss@office.example", "subject": "secret subject",
        "client": "192.0.2.7", "device": "Copier", "helo": "copier.helo", "account": "", "size": 2048,
        "arrived_at": NOW - 120, "repairs": ["added Date"], "held": "", "next_attempt_s": 300.0,
        "recipients": list(recipients), "recipients_total": len(recipients),
    } | more  # fmt: skip


class Relay:
    """`facts` are the answers by verb, `asked` what changed something; all of it may be replaced by a test."""

    def __init__(self, path: str) -> None:
        attempts = [{"at": NOW - 90, "outcome": "deferred", "via": "direct", "host": "mx.y.example",
                     "reply": "451 4.7.1 <anna@y.example> later"}]  # fmt: skip
        waiting = message(
            "Q1", recipient("anna@y.example", reply="451 4.7.1 <anna@y.example> later", attempts=attempts)
        )
        bounced = recipient("otto@z.example", "bounced", "550 5.1.1 <otto@z.example> unknown")
        sent = recipient("anna@y.example", "delivered", "250 2.0.0 ok", cure="")
        self.facts: dict[str, Any] = {
            "status": {
                "version": "1.2.3", "accepting": True, "fault": "", "now": NOW, "clock_known": True, "accepted": 7,
                "queue": {"deferred": 1}, "oldest_at": NOW - 120, "bounces": 1, "delivered": 5, "failed": 1,
                "spool": {"free_bytes": 1 << 30, "used_bytes": 5, "quarantined": 0}, "next_attempt_at": NOW + 300,
                "addresses": ["192.0.2.1"], "dns": {"ok": True, "servers": ["192.0.2.53"], "why": ""}, "link": True,
                "intake": {"totals": {"refused": 2}, "connections": 1}, "mail_name": "box.office.example",
            },
            "messages": [waiting, message("Q2", bounced, phase="done", next_attempt_s=None),
                         message("Q3", sent, phase="done", next_attempt_s=None)],
            "message": waiting, "queue.list": [waiting], "queue.show": waiting,
            "bounces": [{"id": "Q2", "recipient": "otto@z.example", "reverse_path": "boss@office.example", "at": NOW,
                         "reply": "550 5.1.1 <otto@z.example> unknown", "host": "mx.y.example", "device": "192.0.2.7",
                         "subject": "secret subject", "cure": "Check the address."}],
            "history": [{"id": "Q2", "at": NOW, "from": "boss@office.example", "to": "otto@z.example",
                         "outcome": "bounced", "reply": "550 no", "subject": "secret subject", "client": "192.0.2.7"}],
            "devices": [{"address": "192.0.2.7", "name": "Copier", "seen_at": NOW, "messages": 3, "delivered": 2,
                         "bounced": 1, "waiting": 1, "refused": 1, "last_refusal": "550 <anna@y.example>", "note": "",
                         "held": "", "repairs": {"added Date": 3}}],
            "tallies": {"day": [[int(NOW) // 600 * 600 - 600 * n, n % 3, n % 2] for n in range(143, -1, -1)],
                        "week": []},
        }  # fmt: skip
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.counts: dict[str, int] = {}
        self.bundle = b""
        self._servers = [InterfaceServer(path, self._verbs(), {})]
        self._servers.append(InterfaceServer(str(Path(path).with_name("steward.sock")), self._steward(), {}))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def _verbs(self) -> dict[str, Any]:
        def answers(verb: str) -> Any:
            def answer(args: dict[str, Any]) -> Any:
                self.counts[verb] = self.counts.get(verb, 0) + 1
                if verb == "messages":
                    self.asked.append((verb, args))
                return self.facts[verb]

            return answer

        def takes(verb: str) -> Any:
            def answer(args: dict[str, Any]) -> Any:
                self.asked.append((verb, args))
                if args.get("id") == "gone":
                    raise Refused("message gone is not in the queue")
                return {"id": args.get("id", "T1")}

            return answer

        on_items = [f"queue.{each}" for each in ("retry", "hold", "release", "delete", "bounce")]
        changing = [*on_items, "acknowledge", "flush", "send-test"]
        return {
            **{verb: answers(verb) for verb in self.facts},
            **{verb: takes(verb) for verb in changing},
            "password.check": lambda args: {"right": args["password"] == PASSWORD},
            "queue.export": lambda args: {"id": args["id"], "content": "U3ViamVjdDogaGkNCg0KaGkNCg=="},
        }

    def _steward(self) -> dict[str, Any]:
        def certificate(args: dict[str, Any]) -> Any:
            self.asked.append(("certificate.set", args))
            return {"fingerprint": "AA"}

        def install(args: dict[str, Any]) -> Any:
            self.bundle = Path(args["source"]).read_bytes()
            return {"state": "installing"}

        return {
            "backup": lambda args: {"text": f"sealed under {args['passphrase']}"},
            "support-bundle": lambda args: {"text": "== version"},
            "certificate.set": certificate,
            "update.status": lambda args: {"state": "installing", "percent": 7, "words": "checking"},
            "update.install": install,
        }

    def start(self) -> None:
        self._thread.start()
        for server in self._servers:
            asyncio.run_coroutine_threadsafe(server.start(), self._loop).result(5)

    def stop(self) -> None:
        async def end() -> None:
            for server in self._servers:
                await server.stop()
            mine = asyncio.current_task()
            rest = [task for task in asyncio.all_tasks() if task is not mine]
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class Ticks:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Desk:
    """The page on a desk: `get` and `post` speak over TLS from a client on the LAN, logged in after `login`."""

    def __init__(self, folder: Path, **page: Any) -> None:
        self.settings = Settings(
            control=Control(socket=str(folder / "control.sock"), steward_socket=str(folder / "steward.sock")),
            network=Network(host_name="outbox", timezone="UTC"),
            page=replace(Page(subject_days=3650), **page),
            paths=Paths(tls=str(folder / "tls"), updates=str(folder / "updates")),
        )
        self.ticks = Ticks()
        self.facts = Facts(self.settings)
        own = ["192.0.2.1", "2001:db8::1"]
        self.web = Web(self.settings, self.facts, Certificate(self.settings), lambda: own, self.ticks)
        self.client: FlaskClient = self.web.app.test_client()
        self.peer = "192.168.1.50"

    def get(self, path: str, scheme: str = "https", host: str = "outbox.local", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(
            path, base_url=f"{scheme}://{host}", headers=named, environ_base={"REMOTE_ADDR": self.peer}
        )

    def post(
        self, path: str, data: dict[str, str] | None = None, origin: str = "https://outbox.local", scheme: str = "https"
    ) -> TestResponse:
        """With the token of the page that is shown now, unless `data` has one."""
        fields = {"csrf": self.token(), **(data or {})}
        return self.client.post(path, data=fields, base_url=f"{scheme}://outbox.local", headers={"Origin": origin},
                                environ_base={"REMOTE_ADDR": self.peer})  # fmt: skip

    def token(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.get("/login").text)
        return found[1] if found else ""

    def login(self, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", {"password": password})


@contextlib.contextmanager
def relay(folder: Path) -> Iterator[Relay]:
    made = Relay(str(folder / "control.sock"))
    made.start()
    try:
        yield made
    finally:
        made.stop()
