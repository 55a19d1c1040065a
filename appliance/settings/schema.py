"""Every setting of the mail path, and the whole: key, type, shipped value, bounds and one line that explains it.

The dataclasses are the one description; the parser, the renderer, the complaints, the console's `set` and
docs/settings.md are derived from them. All are frozen. Spans are seconds (`…_s`), sizes octets (`…_bytes`). What is not
about mail (network, console, page, panel, paths) stands in face.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from appliance.settings.face import Console, Control, Network, Page, Panel, Paths
from appliance.settings.key import key

__all__ = ["Console", "Control", "Network", "Page", "Panel", "Paths"]

FORMAT: Final = 1  # of the settings file (P8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """[box]: who the box is."""

    mail_name: str = key(
        "", "Fully qualified name that the box says in EHLO; empty = its address literal", kind="domain"
    )
    owner: str = key("", "Mailbox of the person in charge: postmaster mail and reports for devices", kind="mailbox")
    language: str = key("en", "Language of reports and of the page", choices=("en",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """[[listener]]: one door for mail."""

    name: str = key("lan", "Name of this listener in the log")
    address: str = key("", "Address to listen on; empty = all, IPv4 and IPv6", kind="address")
    port: int = key(25, "TCP port", low=0, high=65535)
    tls: str = key(
        "starttls",
        "none, starttls (offered) or implicit (from the first byte)",
        choices=("none", "starttls", "implicit"),
    )
    auth: str = key("offered", "Login: none, offered or required before MAIL", choices=("none", "offered", "required"))
    plain_auth: bool = key(False, "Offer and accept a login without TLS (old devices)")
    tls_minimum: str = key("1.2", "Oldest TLS version accepted", choices=("1.0", "1.1", "1.2", "1.3"))
    bare_lf: bool = key(True, "Recognise a device that ends every line with LF alone and repair its mail")
    early_tls_s: float = key(
        0.0, "Wait this long before greeting, for devices that start TLS on a plain port (0 = off)", low=0, high=5
    )
    strict: bool = key(False, "Refuse what devices get wrong in commands (spaces, missing brackets, HELO names)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """[[access]]: one row of the ordered list of client networks; the first row that matches decides."""

    network: str = key("private", "Network such as 192.0.2.0/24, or the word private or any", kind="network!")
    action: str = key("allow", "allow or deny", choices=("allow", "deny"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """[[device]]: a client that has a name, and what its mail needs."""

    network: str = key("", "Address or network of the device", kind="range!")
    name: str = key("", "Name shown beside its mail")
    force_from: str = key(
        "", "Replace From and reverse-path by this mailbox; the old From goes to Reply-To", kind="mailbox"
    )
    default_recipient: str = key("", "Recipient for mail whose recipient has no domain", kind="mailbox")
    rewrite_sender: str = key("", "Replace the reverse-path by this mailbox", kind="mailbox")
    strict: bool = key(False, "No repairs of commands and bare LF for this network")
    tls_minimum: str = key(
        "", "Oldest TLS version accepted from this network", choices=("", "1.0", "1.1", "1.2", "1.3")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """[intake]: limits for those who hand us mail."""

    message_max_bytes: int = key(52428800, "Largest message accepted", low=65536, high=1073741824)
    recipients_max: int = key(1000, "Most recipients of one message", low=100, high=100000)
    connections_max: int = key(200, "Most connections at once", low=2, high=10000)
    connections_per_client: int = key(50, "Most connections at once from one address", low=1, high=10000)
    messages_per_minute: int = key(600, "Messages a minute from one client before it is told 451", low=1, high=1000000)
    recipients_per_minute: int = key(
        6000, "Recipients a minute from one client before it is told 451", low=1000, high=10000000
    )
    hijack_factor: float = key(
        20.0, "A client this many times above its usual hourly rate is held and shown (0 = off)", low=0, high=1000
    )
    hijack_floor: int = key(200, "Messages an hour below which no client is held for its rate", low=1, high=1000000)
    command_timeout_s: float = key(
        300.0, "Silence after which a client is told 421 (RFC 5321 4.5.3.2.7)", low=10, high=3600
    )
    stress_timeout_s: float = key(10.0, "The same while most connections are taken", low=1, high=300)
    data_rate_min_bytes: int = key(
        100, "Octets a second, over a minute, below which a client is told 421", low=0, high=1000000
    )
    sender_domains: tuple[str, ...] = key(
        (), "Only these domains may stand in the reverse-path (empty = any)", kind="domain"
    )
    hide_clients: bool = key(False, "Leave client names and addresses out of Received")
    refuse_null_mx_senders: bool = key(True, "Refuse a reverse-path whose domain has a null MX (RFC 7505 4.2)")
    hops_max: int = key(
        100, "Received fields after which a message is taken for looping (RFC 5321 6.3)", low=10, high=1000
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """[tls]: the certificate shown to clients."""

    certificate: str = key(
        "", "PEM file of an own certificate chain; empty = self-signed, made by the box", kind="path"
    )
    private_key: str = key("", "PEM file of its key", kind="path")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings:
    """[spool]: where mail waits."""

    directory: str = key("/data/spool", "Folder of the spool", kind="path!")
    segment_bytes: int = key(16777216, "Size of one segment file", low=1048576, high=268435456)
    ready_bytes: int = key(134217728, "Space kept ready (zero-filled once) for mail", low=4194304, high=17179869184)
    free_min_bytes: int = key(
        67108864, "Free space on the card below which mail is refused with 452", low=0, high=17179869184
    )
    history_days: int = key(30, "Days for which history is kept", low=0, high=3650)
    history_max_bytes: int = key(16777216, "Most space that history takes", low=65536, high=1073741824)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """[dns]: the servers that are asked; never the system's."""

    servers: tuple[str, ...] = key((), "DNS servers in order, ADDRESS or ADDRESS:PORT / [ADDRESS]:PORT", kind="server")
    timeout_s: float = key(5.0, "Wait for one answer", low=0.1, high=60)
    attempts: int = key(2, "Rounds through the servers", low=1, high=10)
    cache_entries: int = key(10000, "Most answers kept", low=0, high=1000000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """[[domain]]: how mail for one recipient domain is sent; the row named default is for all others."""

    name: str = key("default", "Recipient domain, .example.com for its subdomains, or default", kind="pattern!")
    direct_attempts: int = key(60, "Attempts straight to the MX (0 = never)", low=0, high=1000)
    relay_attempts: int = key(60, "Attempts through the relays (0 = never)", low=0, high=1000)
    connections_max: int = key(5, "Most connections at once to one next hop", low=1, high=1000)
    retry_first_s: float = key(420.0, "Delay after the first failure; it doubles", low=0.05, high=86400)
    retry_longest_s: float = key(7200.0, "Longest delay", low=0.05, high=604800)
    messages_in_a_row: int = key(5, "Messages on one connection before a pause (0 = no limit)", low=0, high=100000)
    pause_s: float = key(0.0, "Pause after that many", low=0, high=3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """[[relay]]: one relay (smarthost), tried in this order."""

    name: str = key("relay", "Name in the log and in credentials")
    enabled: bool = key(True, "Whether it is used")
    kind: str = key("smtp", "Way of handing over", choices=("smtp",))
    host: str = key("", "Host name or address", kind="host!")
    port: int = key(587, "TCP port", low=1, high=65535)
    tls: str = key(
        "starttls",
        "none, opportunistic, starttls (must) or implicit",
        choices=("none", "opportunistic", "starttls", "implicit"),
    )
    verify: bool = key(True, "Verify the relay's certificate and name")
    ca_file: str = key("", "PEM file of authorities to trust instead of the usual ones", kind="path")
    auth: str = key(
        "", "plain, login, cram-md5, or empty for the best offered", choices=("", "plain", "login", "cram-md5")
    )
    user: str = key("", "Account at the relay; empty = no login")
    connections_max: int = key(5, "Most connections at once", low=1, high=1000)
    retry_first_s: float = key(420.0, "Delay after the first failure; it doubles", low=0.05, high=86400)
    messages_in_a_row: int = key(0, "Messages on one connection before a pause (0 = no limit)", low=0, high=100000)
    pause_s: float = key(0.0, "Pause after that many", low=0, high=3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """[delivery]: what holds for all mail that leaves."""

    expire_after_s: float = key(432000.0, "Age at which mail is given up (5 days)", low=1, high=2592000)
    prefer_ipv6: bool = key(False, "Try IPv6 addresses before IPv4")
    ipv6: bool = key(True, "Use IPv6 at all")
    tls: str = key(
        "opportunistic",
        "To MX hosts: none, opportunistic (clear text if TLS fails) or required",
        choices=("none", "opportunistic", "required"),
    )
    sessions_max: int = key(40, "Most connections at once to all next hops", low=1, high=1000)
    addresses_max: int = key(10, "Most addresses tried in one attempt", low=2, high=100)
    idle_s: float = key(5.0, "How long an idle connection is kept for reuse", low=0, high=300)
    source_address: str = key("", "Local address to send from", kind="address")
    lab_networks: tuple[str, ...] = key(
        (), "Networks that are not public and yet may be delivered to", kind="network", lab=True
    )
    lab_port: int = key(25, "Port of MX hosts", low=1, high=65535, lab=True)
    lab_timeout_factor: float = key(
        1.0, "Factor on all SMTP time-outs of RFC 5321 4.5.3.2", low=0.0001, high=1, lab=True
    )
    lab_second_look_s: float = key(300.0, "Wait before an unknown domain is final", low=0, high=86400, lab=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """[reports]: DSNs."""

    delay_after_s: float = key(
        14400.0, "Age at which the sender is told that mail is delayed (0 = never)", low=0, high=2592000
    )
    device_senders: tuple[str, ...] = key(
        ("noreply@*", "no-reply@*", "donotreply@*", "scanner@*", "copier@*"),
        "Reverse-paths whose reports go to the owner instead (needs box.owner)",
    )
    per_sender_hour: int = key(60, "Most reports to one mailbox an hour; more are only shown", low=1, high=100000)
    return_max_bytes: int = key(65536, "Most octets of the content that a report returns", low=1024, high=1048576)


SHIPPED_LISTENERS: Final = (
    Listener(name="lan", port=25, tls="starttls", auth="offered"),
    Listener(name="submission", port=587, tls="starttls", auth="required"),
    Listener(name="submissions", port=465, tls="implicit", auth="required"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file. A list that is absent has its shipped rows."""

    format: int = key(FORMAT, "Format of this file", low=1, high=FORMAT)
    box: Box = field(default_factory=Box)
    listener: tuple[Listener, ...] = SHIPPED_LISTENERS
    access: tuple[AccessRule, ...] = (AccessRule(),)
    device: tuple[Device, ...] = ()
    intake: Intake = field(default_factory=Intake)
    tls: Tls = field(default_factory=Tls)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    dns: Dns = field(default_factory=Dns)
    domain: tuple[Domain, ...] = (Domain(),)
    relay: tuple[Relay, ...] = ()
    delivery: Delivery = field(default_factory=Delivery)
    reports: Reports = field(default_factory=Reports)
    network: Network = field(default_factory=Network)
    console: Console = field(default_factory=Console)
    page: Page = field(default_factory=Page)
    panel: Panel = field(default_factory=Panel)
    control: Control = field(default_factory=Control)
    paths: Paths = field(default_factory=Paths)
