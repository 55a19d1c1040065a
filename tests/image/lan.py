"""What the emulated box sees of the world: a LAN with DHCP, and behind it a name server and a mail server.

One tap device carries all of it: 192.168.77.1 is router, DHCP and time server and the client that sends mail,
203.0.113.53 the name server, 203.0.113.10 the mail server of example.net. Everything listens from one thread until
`stop`. Needs to be root in a network namespace of its own. Raises OSError or CalledProcessError when the tap
cannot be made.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Coroutine
from typing import Any, Final

from appliance.pretend.dns_wire import encode_name
from appliance.pretend.mailserver import MailServer
from appliance.pretend.nameserver import Nameserver

TAP: Final = "lan0"
ROUTER: Final = "192.168.77.1"
GIVEN: Final = "192.168.77.50"  # what DHCP gives
CHOSEN: Final = "192.168.77.60"  # what the operator sets
DNS, MX = "203.0.113.53", "203.0.113.10"
NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970
COOKIE: Final = bytes.fromhex("63825363")
ZONE: Final = f"""\
example.net MX 10 mx.example.net
mx.example.net A {MX}
slow.example.net MX 10 mx.example.net
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Lan:
    """The network around one box."""

    def __init__(self) -> None:
        self.mx, self.dns = MailServer(name="mx.example.net"), Nameserver(ZONE)
        self.leases = 0
        self._open: list[asyncio.DatagramTransport] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        ip("tuntap", "add", TAP, "mode", "tap")
        for address in (f"{ROUTER}/24", f"{DNS}/32", f"{MX}/32"):
            ip("address", "add", address, "dev", TAP)
        ip("link", "set", TAP, "up")
        self._thread.start()
        self.run(self.mx.start(MX, 25))
        self.run(self.dns.start(DNS, 53))
        self.run(self._serve(67, _Dhcp(self)))
        self.run(self._serve(123, _Ntp()))

    def stop(self) -> None:
        self.run(self.mx.stop())
        self.run(self.dns.stop())
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        ip("link", "del", TAP)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _serve(self, port: int, protocol: asyncio.DatagramProtocol) -> None:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, TAP.encode())
        made.bind(("0.0.0.0", port))
        transport, _ = await self._loop.create_datagram_endpoint(lambda: protocol, sock=made)
        self._open.append(transport)

    async def _close(self) -> None:
        for transport in self._open:
            transport.close()
        await asyncio.sleep(0)  # a transport closes its socket in the loop's next turn


def mdns(name: str, kind: int, seconds: float = 10.0) -> bytes:
    """The answer of the LAN to a question by multicast (RFC 6762), b"" when there is none in time. `kind` 1 = A,
    12 = PTR."""
    question = bytes(5) + b"\x01" + bytes(6) + encode_name(name) + struct.pack(">HH", kind, 0x8001)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ROUTER))
        asker.settimeout(1.0)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asker.sendto(question, ("224.0.0.251", 5353))
            try:
                answer = asker.recv(4096)
            except TimeoutError:
                continue
            if struct.unpack(">H", answer[6:8])[0]:
                return answer
    return b""


class _Dhcp(asyncio.DatagramProtocol):
    """Gives GIVEN to whoever asks (RFC 2131 4.3)."""

    def __init__(self, lan: Lan) -> None:
        self._lan = lan

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        kind = message_type(data)
        if kind in (1, 3):
            self._lan.leases += kind == 3
            self._transport.sendto(answer(data, 2 if kind == 1 else 5), ("255.255.255.255", 68))


class _Ntp(asyncio.DatagramProtocol):
    """The time of this machine (RFC 5905 7.3), stratum 1."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= 48:
            now = int((time.time() + NTP_EPOCH) * 2**32).to_bytes(8, "big")
            self._transport.sendto(b"\x24\x01\x00\xec" + bytes(8) + b"TEST" + now + data[40:48] + now + now, addr)


def message_type(packet: bytes) -> int:
    """Option 53 of a DHCP packet, 0 when it is none."""
    at = 240
    while packet[236:240] == COOKIE and at + 2 < len(packet) and packet[at] != 255:
        if packet[at] == 53:
            return packet[at + 2]
        at += 1 if packet[at] == 0 else 2 + packet[at + 1]
    return 0


def answer(asked: bytes, kind: int) -> bytes:
    """An offer (2) or acknowledgement (5) with address, mask, router, name server and a lease of an hour."""
    own = socket.inet_aton(ROUTER)
    head = struct.pack(">BBBB", 2, 1, 6, 0) + asked[4:8] + b"\0\0\x80\0" + bytes(4)
    head += socket.inet_aton(GIVEN) + own + bytes(4) + asked[28:44] + bytes(192) + COOKIE
    options = {53: bytes([kind]), 54: own, 51: struct.pack(">I", 3600), 1: socket.inet_aton("255.255.255.0"), 3: own,
               6: socket.inet_aton(DNS), 42: own}  # fmt: skip
    return head + b"".join(bytes([code, len(value)]) + value for code, value in options.items()) + b"\xff"
