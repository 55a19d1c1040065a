"""The sockets that listeners listen on: opened here, or handed over by the service manager (sd_listen_fds(3)).

A handed-over socket belongs to the listener of the same name (LISTEN_FDNAMES), or of the same port and, where the
listener has one, address. An empty address means all of IPv4 and IPv6, as two sockets. Raises OSError when an
address cannot be bound.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from appliance.settings.schema import Listener

FIRST_FD: Final = 3
BACKLOG: Final = 512


def handed_over(environment: Mapping[str, str]) -> dict[str, list[socket.socket]]:
    """Name, and port as text -> sockets. Empty when the variables are for another process."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = environment.get("LISTEN_FDS", "0")
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    found: dict[str, list[socket.socket]] = {}
    for place in range(min(int(count), 64) if count.isdigit() else 0):
        each = socket.socket(fileno=FIRST_FD + place)
        each.setblocking(False)
        name = names[place] if place < len(names) else ""
        found.setdefault(name, []).append(each)
        found.setdefault(str(each.getsockname()[1]), []).append(each)
    return found


def sockets_of(listener: Listener, ready: Mapping[str, list[socket.socket]]) -> list[socket.socket]:
    if found := ready.get(listener.name):
        return list(found)
    bare = listener.address.partition("%")[0]
    found = [each for each in ready.get(str(listener.port), ()) if not bare or each.getsockname()[0] == bare]
    if found:
        return found
    if listener.address:
        return [_open(listener.address, listener.port)]
    found = [_open("0.0.0.0", listener.port)]
    if socket.has_dualstack_ipv6():
        try:
            found.append(_open("::", found[0].getsockname()[1]))
        except OSError:
            if listener.port:  # a machine without IPv6 listens on IPv4 alone
                return found
    return found


def _open(address: str, port: int) -> socket.socket:
    bare, _, zone = address.partition("%")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((bare, port, 0, socket.if_nametoindex(zone) if zone else 0))
        else:
            made.bind((bare, port))
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
