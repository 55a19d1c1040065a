"""The command interface: JSON lines on a Unix socket, verbs allowed by the peer's user id.

A request is {"verb": NAME, "args": {...}}, the answer {"ok": true, "result": ...} or {"ok": false, "error": TEXT}.
Bounds: a line of LINE_MAX octets, CLIENTS_MAX connections, SILENCE_S without a request. A bad request gets an error
that says what would be right; an unexpected exception in a verb is a bug and is logged, the caller is told so.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import os
import socket
import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from appliance.ports import Refused, Verb

LINE_MAX: Final = 1 << 20
CLIENTS_MAX: Final = 50
SILENCE_S: Final = 60.0
STRANGER_S: Final = 2.0


class InterfaceServer:
    """`allowed` names the verbs that a user id may use; root and this process's own user may use all."""

    def __init__(self, path: str, verbs: Mapping[str, Verb], allowed: Mapping[int, Collection[str]]) -> None:
        self._path, self._verbs = Path(path), verbs
        self._allowed = {**allowed, 0: verbs, os.getuid(): verbs}
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a stale socket of a dead relay is replaced, any other file stays. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.is_socket():
            self._path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LINE_MAX)
        self._path.chmod(0o666)  # who may do what is decided by the peer's user id

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in self._clients:
            task.cancel()
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            uid = _peer_uid(writer.get_extra_info("socket"))
            if len(self._clients) > CLIENTS_MAX:
                writer.write(json.dumps(_no("too many at once, please ask again in a moment")).encode() + b"\n")
            elif uid in self._allowed:
                while line := await asyncio.wait_for(reader.readline(), SILENCE_S):
                    writer.write(json.dumps(await self._answer(line, uid)).encode() + b"\n")
                    await writer.drain()
            else:
                await asyncio.wait_for(reader.readline(), STRANGER_S)  # else the answer would be lost in a reset
                writer.write(json.dumps(_no("this user may not use the command interface")).encode() + b"\n")
        except (TimeoutError, ValueError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    async def _answer(self, line: bytes, uid: int) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return _no("a request is one line of JSON")
        if not isinstance(request, dict) or not isinstance(request.get("args", {}), dict):
            return _no('a request is {"verb": NAME, "args": {...}}')
        name = request.get("verb")
        verb = self._verbs.get(name) if isinstance(name, str) else None
        if verb is None:
            return _no("the verbs are " + ", ".join(sorted(self._verbs)))
        if name not in self._allowed[uid]:
            return _no(f"this user may not use {name}")
        try:
            result = verb(request.get("args", {}))
            return {"ok": True, "result": await result if inspect.isawaitable(result) else result}
        except Refused as refused:
            return _no(str(refused))
        except Exception:
            logging.getLogger(__name__).exception("a bug in the verb %s", name)
            return _no("trouble inside the box, noted in its log")


def _no(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}


def _peer_uid(peer: Any) -> int:
    octets = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", octets)[1])
