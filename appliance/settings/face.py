"""The settings that are not about mail: network, console, page, panel, command interface, paths."""

from __future__ import annotations

from dataclasses import dataclass

from appliance import pins
from appliance.settings.key import key


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """[network]: the box's own place on the LAN."""

    host_name: str = key("outbox", "Host name; found as NAME.local", kind="label!")
    ipv4: str = key("dhcp", "dhcp, static or off", choices=("dhcp", "static", "off"))
    address: str = key("", "Own address with prefix length, for static", kind="cidr")
    gateway: str = key("", "Router, for static", kind="address")
    ipv6: str = key("auto", "auto (router advertisements, DHCP), static or off", choices=("auto", "static", "off"))
    address6: str = key("", "Own IPv6 address with prefix length, for static", kind="cidr")
    gateway6: str = key("", "IPv6 router, for static", kind="address")
    time_servers: tuple[str, ...] = key((), "Time servers; empty = those that DHCP names", kind="host")
    timezone: str = key("UTC", "Time zone such as Europe/Vienna", kind="timezone!")


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """[console]: the serial console."""

    speed: int = key(115200, "Speed of the serial line in baud, 8N1", low=1200, high=921600)
    idle_s: float = key(600.0, "Silence after which the console logs out (0 = never)", low=0, high=86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """[page]: the status page."""

    enabled: bool = key(True, "Whether there is a status page")
    address: str = key("", "Address to listen on; empty = all, IPv4 and IPv6", kind="address")
    port: int = key(80, "Port of the page that is only read (0 = none)", low=0, high=65535)
    tls_port: int = key(443, "Port of the page with login and actions (0 = none)", low=0, high=65535)
    anonymous_details: bool = key(False, "Show addresses and subjects to viewers who are not logged in")
    host_names: tuple[str, ...] = key((), "More names under which the page may be called", kind="domain")
    networks: tuple[str, ...] = key(("any",), "Networks that may open the page", kind="network")
    metrics_networks: tuple[str, ...] = key(("private",), "Networks that may read /metrics", kind="network")
    api_networks: tuple[str, ...] = key(("private",), "Networks that may read /api", kind="network")
    session_s: float = key(1800.0, "Silence after which a login ends", low=60, high=86400)
    subject_days: int = key(7, "Days for which history shows subjects", low=0, high=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """[panel]: the lamps and the button, with their pins; as shipped those of the board (hardware/pins.toml)."""

    alarm_age_s: float = key(14400.0, "Age of the oldest mail at which the QUEUE lamp alarms", low=60, high=2592000)
    system_gpio: int = key(pins.SYSTEM.bcm, "GPIO of the SYSTEM lamp", low=9, high=27)
    queue_gpio: int = key(pins.QUEUE.bcm, "GPIO of the QUEUE lamp", low=9, high=27)
    bounce_gpio: int = key(pins.BOUNCE.bcm, "GPIO of the BOUNCE lamp", low=9, high=27)
    activity_gpio: int = key(pins.ACTIVITY.bcm, "GPIO of the ACTIVITY lamp", low=9, high=27)
    button_gpio: int = key(pins.BUTTON.bcm, "GPIO of the button, low when pressed", low=4, high=27)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """[control]: the command interfaces of the relay and of the steward."""

    socket: str = key("/run/outbox/control.sock", "Unix socket of the relay's command interface", kind="path!")
    steward_socket: str = key("/run/outbox-steward/steward.sock", "Unix socket of the steward", kind="path!")
    operator_uids: tuple[int, ...] = key(
        (902, 903), "User ids that may change the queue besides root and the relay's own; as shipped console and page"
    )
    reader_uids: tuple[int, ...] = key((), "User ids that may only look")
    console_uids: tuple[int, ...] = key((902,), "User ids of the console: all verbs of the steward")
    panel_uids: tuple[int, ...] = key((901,), "User ids of the panel: what its lamps and its button need")
    page_uids: tuple[int, ...] = key((903,), "User ids of the page: the steward's verbs for backup and update")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """[paths]: files apart from the spool."""

    accounts: str = key("/data/accounts.json", "Accounts of clients (hashed passwords), mode 0600", kind="path")
    credentials: str = key("/data/credentials.toml", "Passwords of relays, mode 0600", kind="path")
    password: str = key("/data/password.json", "Password of console and page (hashed)", kind="path!")
    settings: str = key("/data/settings", "Folder of the settings' candidate and history", kind="path!")
    tls: str = key("/data/tls", "Folder of the self-signed certificate", kind="path")
    updates: str = key("/data/updates", "Folder for update bundles that come through the page", kind="path!")
    clock_stamp: str = key(
        "", "File whose time is the earliest that the clock may show; empty = trust the clock", kind="path"
    )
