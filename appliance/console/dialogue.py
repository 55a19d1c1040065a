"""The dialogue that opens docs/console.md; a test types it at a real line and compares what comes back.

What is typed stands in braces: {…} is echoed, {*…} is typed and shown as stars. ⟨…⟩ is an example of what differs from
box to box, within one line.
"""

from __future__ import annotations

import re
from typing import Final

TYPED: Final = re.compile(r"\{(\*?)([^}]*)\}")
EXAMPLE: Final = re.compile("⟨([^⟩]*)⟩")


def echo(secret: str, text: str) -> str:
    """What comes back for what is typed."""
    return "*" * len(text) if secret else text


def shown(text: str) -> str:
    """As a person sees it."""
    return EXAMPLE.sub(r"\1", TYPED.sub(lambda found: echo(found[1], found[2]), text))


DIALOGUE: Final = """\
Outbox: press Enter to begin.
{}Outbox ⟨0.1.0⟩  ⟨outbox⟩
Addresses: ⟨192.168.1.20⟩
Accepting mail. Queue: empty. Bounces to read: 0.
Clock: ⟨2026-11-24 12:35:13⟩
TLS fingerprint (SHA-256):
  ⟨8A:D1:C9:04:27:1A:51:75:77:BE:01:0C:48:09:DA:CA:⟩
  ⟨28:E6:44:61:E3:61:47:4F:1A:BB:8D:D3:B9:7D:0E:74⟩
Page: ⟨http://192.168.1.20/  https://192.168.1.20/⟩
Type "?" for help, "menu" for a menu, "wizard" for the first set-up.
No password is set yet. Please choose one, at least 8 characters:
it guards this console and the page.
New password: {*correct horse}
Once more: {*correct horse}
The password is set.
outbox> {wizard}
A few questions, about five minutes. Enter keeps what is in [brackets], ?
explains, ^C gives up. Nothing is in force before you have seen all of it.

1 of 5: names
Name of the box in your network [outbox]: {}
Mail name, full, such as mail.office.example; leave it empty if you
have none []: {?}
mail name: the full name by which this box introduces itself to other mail
servers, such as mail.office.example. It should be in the DNS and lead to your
Internet address; otherwise some servers refuse the mail.
Mail name, full, such as mail.office.example; leave it empty if you
have none []: {mail.office.example}
Address of the person in charge []: {anna@office.example}

2 of 5: the box's place in the network
Address: dhcp, or an own one such as 192.168.1.5/24 [dhcp]: {}

3 of 5: DNS, the phone book of the Internet
DNS servers, parted by spaces; often the router's address []: {192.168.1.1}
192.168.1.1 answers in ⟨4⟩ ms

4 of 5: who may send through the box, as networks; private = all machines of
your own network
Networks, parted by spaces [private]: {}

5 of 5: the way out. Mail goes straight to the recipients' servers, or through
your provider's relay.
Relay; empty = none []: {}

This would change:
- box.mail_name = (empty)
+ box.mail_name = mail.office.example
- box.owner = (empty)
+ box.owner = anna@office.example
- dns.servers = (empty)
+ dns.servers = 192.168.1.1
Put it in force? [y/N] {y}
In force for 5 min, then taken back by itself. "commit" keeps it.
Send a test message to which address? (Enter = none): {anna@friendly.example}
Message ⟨1M86RX3FT05000⟩ is on its way. ^C stops watching, not the message.
⟨2026-11-24 12:36:16  1M86RX3FT05000⟩  delivered  outbox@mail.office.example ->
    anna@friendly.example  mail.friendly.example[⟨198.51.100.7⟩]: "250 2.0.0 ⟨taken⟩"
Keep it? (Otherwise it is taken back after 5 minutes.) [y/N] {y}
Confirmed: these settings stay.
outbox> {show queue}
the queue is empty
outbox> {exit}

Outbox: press Enter to begin."""
