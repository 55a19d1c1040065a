"""What systemd and the packet filter of the image read, as text made from the settings.

`system_files(settings)` names every file below /run with its text; a file that is not among them must not be there.
Nothing here touches the machine. All values come from checked settings; what could still end a line (a free text) is
left out. The packet filter lets in the ports of the listeners and of the page, mDNS, DHCP's answers and the control
messages that IP needs, nothing else.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from appliance.settings.kinds import split_server
from appliance.settings.schema import SHIPPED_LISTENERS, Listener, Network, Page, Settings

FIREWALL: Final = "outbox-system/nftables.conf"
SOCKETS: Final = "systemd/system/outbox-relay.socket.d/settings.conf"
NETWORK: Final = "systemd/network/50-outbox.network"
TIME: Final = "systemd/timesyncd.conf.d/settings.conf"
SMTP: Final = "systemd/dnssd/smtp.dnssd"
HTTP: Final = "systemd/dnssd/http.dnssd"
EVERY: Final = (FIREWALL, SOCKETS, NETWORK, TIME, SMTP, HTTP)


def system_files(settings: Settings) -> dict[str, str]:
    """Path below /run -> text; the paths are some of EVERY."""
    files = {FIREWALL: firewall(settings), NETWORK: network(settings.network, settings.dns.servers)}
    if settings.listener != SHIPPED_LISTENERS:
        files[SOCKETS] = sockets(settings.listener)
    if settings.network.time_servers:
        files[TIME] = f"[Time]\nNTP={' '.join(settings.network.time_servers)}\n"
    if ports := [each.port for each in settings.listener if each.port]:
        files[SMTP] = service("_smtp._tcp", 25 if 25 in ports else ports[0])
    if settings.page.enabled and (port := settings.page.port or settings.page.tls_port):
        files[HTTP] = service("_http._tcp" if settings.page.port else "_https._tcp", port)
    return files


def sockets(listeners: tuple[Listener, ...]) -> str:
    """The listeners instead of the shipped ones; each address once."""
    places = dict.fromkeys(place for each in listeners for place in _places(each))
    return "[Socket]\nListenStream=\n" + "".join(f"ListenStream={place}\n" for place in places)


def _places(listener: Listener) -> list[str]:
    if not listener.port:
        return []
    if not listener.address:
        return [f"0.0.0.0:{listener.port}", f"[::]:{listener.port}"]
    bare, _, zone = _one_line(listener.address).partition("%")
    if ":" in bare:
        return [f"[{bare}]:{listener.port}{'%%' + zone if zone else ''}"]
    return [f"{bare}:{listener.port}"]


def _one_line(address: str) -> str:
    """An address is checked already, but its zone may be any text."""
    return re.sub(r"[^0-9A-Za-z.:/%_-]", "", address)


def network(wanted: Network, servers: tuple[str, ...]) -> str:
    """The one network of the box. `servers` are asked for the box's own names where no DHCP names any."""
    dhcp = {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6", (False, False): "no"}
    auto = wanted.ipv6 == "auto"
    lines = [
        "[Match]", "Type=ether", "", "[Network]",
        f"DHCP={dhcp[wanted.ipv4 == 'dhcp', auto]}",
        f"IPv6AcceptRA={'yes' if auto else 'no'}",
        f"LinkLocalAddressing={'no' if wanted.ipv6 == 'off' else 'ipv6'}",
        "IPv6PrivacyExtensions=no", "MulticastDNS=yes", "LLMNR=no",
    ]  # fmt: skip
    if wanted.ipv4 == "static":
        lines += _static(wanted.address, wanted.gateway)
    if wanted.ipv6 == "static":
        lines += _static(wanted.address6, wanted.gateway6)
    if wanted.ipv4 != "dhcp":
        lines += [f"DNS={_dns(each)}" for each in servers]
    lines += ["", "[DHCPv4]", "ClientIdentifier=mac", "UseHostname=no", "UseDomains=no"]
    lines += ["", "[DHCPv6]", "DUIDType=link-layer", "UseHostname=no"]
    return "\n".join(lines) + "\n"


def _static(address: str, gateway: str) -> list[str]:
    pairs = (("Address", address), ("Gateway", gateway))
    return [f"{name}={_one_line(value)}" for name, value in pairs if value]


def _dns(server: str) -> str:
    host, port = split_server(server)
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}") if port != 53 else host


def service(kind: str, port: int) -> str:
    """A service told by mDNS under the host's name."""
    return f"[Service]\nName=%H\nType={kind}\nPort={port}\n"


def firewall(settings: Settings) -> str:
    """Rules for nft that replace those of the last time at once."""
    doors = dict.fromkeys(door for each in settings.listener for door in _door(each.address, each.port))
    doors |= dict.fromkeys(_page_doors(settings.page))
    rules = "".join(f"        {door} accept\n" for door in doors)
    return _FIREWALL.replace("@DOORS@\n", rules)


def _page_doors(page: Page) -> list[str]:
    if not page.enabled:
        return []
    return _door(page.address, page.port) + _door(page.address, page.tls_port)


def _door(address: str, port: int) -> list[str]:
    if not port:
        return []
    if not address:
        return [f"tcp dport {port}"]
    found = ipaddress.ip_address(address.partition("%")[0])
    return [f"{'ip6' if found.version == 6 else 'ip'} daddr {found} tcp dport {port}"]


_FIREWALL: Final = """\
table inet outbox
delete table inet outbox
table inet outbox {
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state established,related accept
        ct state invalid drop
        icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
        icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept
        ip protocol igmp accept
        udp sport 67 udp dport 68 accept
        ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
        ip daddr 224.0.0.251 udp dport 5353 accept
        ip6 daddr ff02::fb udp dport 5353 accept
@DOORS@
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
    }
}
"""  # noqa: E501
