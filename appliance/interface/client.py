"""The other end of the command interface: one request, one answer; raises Unreachable or ports.Refused."""

from __future__ import annotations

import json
import socket
from typing import Any, Final

from appliance.ports import Refused

TIMEOUT_S: Final = 30.0
ANSWER_MAX: Final = 256 << 20


class Unreachable(Exception):
    """Nobody answers at the socket."""


def ask(path: str, verb: str, args: dict[str, Any] | None = None, timeout_s: float = TIMEOUT_S) -> Any:
    """The result of `verb`, within `timeout_s`. Raises Unreachable, or Refused with the box's own words."""
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(timeout_s)
            peer.connect(path)
            line = _exchange(peer, json.dumps({"verb": verb, "args": args or {}}).encode() + b"\n")
    except OSError as error:
        raise Unreachable(f"nobody answers at {path}: {error.strerror or error}") from error
    if not line:
        raise Unreachable(f"the process at {path} ended before it answered")
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise Unreachable(f"the process at {path} ended in the middle of its answer") from error
    if not answer["ok"]:
        raise Refused(answer["error"])
    return answer["result"]


def _exchange(peer: socket.socket, request: bytes) -> bytes:
    """The answer's line; b"" when the other end hung up on us: it is just ending."""
    try:
        peer.sendall(request)
        with peer.makefile("rb") as file:
            return file.readline(ANSWER_MAX)
    except (BrokenPipeError, ConnectionResetError):
        return b""
