"""The glossary's texts: a word and one paragraph, with nothing assumed but that one has sent an e-mail before. ALSO
holds other names, in small letters, of the same thing.
"""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, str]] = {
    "access list": (
        "the ordered list of networks whose machines may hand mail to this box. The first row that fits "
        "decides; who fits no row may not."
    ),
    "account": "a name and a password with which a machine or a person logs in to hand mail to this box.",
    "acknowledge": 'to say "I have read the bounces". The BOUNCE lamp goes dark; nothing is deleted.',
    "attempt": (
        "one try to hand a message to the next server. When it fails for now, there will be another one later."
    ),
    "authentication": "showing by a name and a password that one may use a mail server.",
    "backup": (
        "one text with all settings, accounts and keys, locked with a passphrase. With it another box can take over."
    ),
    "block list": (
        "a public list of addresses that are said to send unwanted mail. Many mail servers refuse what comes "
        "from an address on such a list; addresses of home lines are on them as a rule. Mail then has to go "
        "through a relay."
    ),
    "bounce": (
        "mail that could not be delivered for good, and the report about it. The sender gets the report; the "
        "BOUNCE lamp is lit until somebody has looked."
    ),
    "candidate": "the settings as you are changing them. They count only after commit; discard throws them away.",
    "certificate": (
        "a machine's identity card: it says what the machine is called, and a program that trusts its issuer "
        "can check that. It makes TLS possible."
    ),
    "client": "a machine or program that hands mail to this box, such as a copier.",
    "clock": (
        "the box has to know what time it is, since mail is given up after some days. It asks time servers. "
        "Nothing is given up while the time is not known."
    ),
    "commit": (
        "to put the changed settings in force. commit confirmed 5 takes them back by itself after five "
        "minutes unless you say commit again: so a mistake never locks you out."
    ),
    "content": (
        "the letter itself: subject, text, attachments. What is written on the envelope does not belong to it."
    ),
    "deferred": 'not delivered yet, and tried again later: the other server said "not now", or did not answer.',
    "delivered": (
        "the recipient's mail server has answered that it takes the message. From there on it answers for it;"
        " it may still put the message into a spam folder."
    ),
    "device": "a machine that hands mail to this box and that you have given a name, such as a copier or a scanner.",
    "DHCP": "the way in which the router gives a machine its address by itself, so that nobody has to type it in.",
    "DKIM": (
        "a signature that a mail server puts into a message, so that the recipient's server can see that it "
        "comes from that domain and was not changed. This box does not sign yet; a relay often does."
    ),
    "DMARC": (
        "a note in the DNS by which a domain says what others shall do with mail that has neither a right SPF"
        " nor a right DKIM signature, and where to report it."
    ),
    "DNS": (
        "the phone book of the Internet: it turns a name such as office.example into addresses, and says "
        "which servers take mail for it."
    ),
    "DNS server": (
        "a machine that looks names up in the DNS for others: as a rule the router, or one of the Internet "
        "provider. Without one this box cannot find any recipient's server."
    ),
    "domain": "the part of an address after the @, such as office.example. It belongs to a company or a person.",
    "EHLO": 'the first words of a mail client to a mail server: "hello, my name is …". HELO is its older form.',
    "e-mail": "a letter sent over the Internet, from server to server, with SMTP.",
    "encryption": "writing so that only the other end can read it. On the way between mail servers TLS does it.",
    "envelope": (
        "what the servers go by: from whom and for whom a message is. The From and To that you see in the "
        "letter are only its head and may differ, like the address on a cover and in the letter."
    ),
    "expired": "given up because it waited too long, five days as shipped. The sender gets a report.",
    "firewall": (
        "a machine or program that lets some connections through and not others. One that stops port 25 stops"
        " this box's mail."
    ),
    "flush": "to try everything that waits at once, instead of at its time.",
    "gateway": "the router: the machine of your network that leads to the Internet.",
    "greylisting": (
        "a server's way to keep unwanted mail out: it tells everyone whom it does not know to come again in "
        "some minutes. This box does; that is why a first message to somebody may take ten minutes."
    ),
    "held": "kept in the queue and not tried, until somebody releases it.",
    "history": "what became of each message, and what the other server said. It is kept for some weeks.",
    "host name": "the name of this box in your network.",
    "IP address": "a machine's number in a network, such as 192.0.2.5 (IPv4) or 2001:db8::5 (IPv6).",
    "IPv6": "the newer kind of addresses, long and with colons. Some servers take mail from those only with a PTR.",
    "ISP": (
        "Internet service provider: the company that your line to the Internet comes from. It gives you an "
        "address, DNS servers and often a relay."
    ),
    "lamp": (
        "one of the four lights on the lid. SYSTEM: the box works. QUEUE: mail waits. BOUNCE: mail came back,"
        " or something is wrong. ACTIVITY: a message was taken or delivered."
    ),
    "listener": "a door of this box for mail: a port with its rules, such as port 25 for devices.",
    "local-part": "the part of an address before the @. Only the recipient's server knows what it means.",
    "mailbox": "where one person's mail arrives; its name is the address, such as anna@office.example.",
    "mail client": (
        "the program with which people read and write mail, or the part of a copier that sends scans. It "
        "hands mail to a mail server."
    ),
    "mail name": (
        "the full name by which this box introduces itself to other mail servers, such as "
        "mail.office.example. It should be in the DNS and lead to your Internet address; otherwise some "
        "servers refuse the mail."
    ),
    "mail server": (
        "a machine that takes mail, passes it on to other mail servers, or keeps it for people. This box is "
        "one that only sends."
    ),
    "message": "an envelope with its content.",
    "MX": (
        "mail exchanger: the server that takes mail for a domain, as the DNS says. This box looks it up for "
        "every recipient."
    ),
    "network mask": (
        "says which addresses are in your own network. In 192.168.1.5/24 it is the /24: all that begin with "
        "192.168.1 are neighbours."
    ),
    "network time": "NTP: how machines ask others for the time.",
    "next hop": (
        "the server that a message is handed to next: one of the servers of the recipient's domain, or a relay."
    ),
    "null reverse-path": (
        "the empty sender of reports, written <>. It is empty so that nobody answers a report with a report."
    ),
    "open relay": (
        "a mail server that passes on mail for anybody. Crooks look for such servers. This box never is one: "
        "it takes mail only from the networks and accounts that you allow."
    ),
    "pattern": "how a lamp shines: off, steady, slowly blinking, or some flashes and a pause. Each has its meaning.",
    "permanent failure": (
        "an answer beginning with 5: it will not work tomorrow either. The message comes back to its sender."
    ),
    "pin": "one of the contacts of the computer in the box; each lamp, the button and the serial line have their own.",
    "port": (
        "a numbered door of a machine. Mail servers talk to each other at port 25; programs hand in mail at "
        "587 or 465 as well; web pages are at 80 and 443."
    ),
    "port 25": (
        "the door at which mail servers take mail from each other. Many providers block it on lines for "
        "homes; then mail has to go through a relay at port 587 or 465."
    ),
    "postmaster": "the person in charge of a domain's mail; every domain has to have postmaster@.",
    "PTR": (
        "the DNS entry that leads from an address back to a name. Your Internet provider sets it. Many mail "
        "servers refuse mail from an address without one."
    ),
    "queue": "the mail that waits in this box to be delivered. It survives a power cut.",
    "queue id": "the name that this box gives a message, such as 1K5Z0M3R8T0001. With it you find the message again.",
    "recipient": "who a message is for.",
    "relay": (
        "a mail server, often of your Internet provider, that takes your mail and delivers it for you. Also "
        "called a smarthost. Needed where port 25 is blocked or where your address has a bad name."
    ),
    "reply": "what a mail server answers: a number and some words. 2… is yes, 4… is not now, 5… is no.",
    "report": (
        "the message that tells a sender what became of a message: not delivered, delayed, or delivered if "
        "asked for. DSN, delivery status notification, is its proper name."
    ),
    "reverse-path": "the sender on the envelope: whereto a report goes when a message cannot be delivered.",
    "rollback": (
        "to take back earlier settings. rollback 1 fetches those before the last commit; commit puts them in force."
    ),
    "route": "the way from a domain to the servers that take its mail.",
    "router": "the machine that joins your network with the Internet.",
    "serial console": (
        "this conversation: a cable from a computer to the box's serial socket. It works when the network does not."
    ),
    "sender": "who a message is from. On the envelope it is called the reverse-path.",
    "SMTP": "simple mail transfer protocol: the language in which mail is handed from machine to machine.",
    "spam": "mail that nobody asked for, mostly advertising or fraud.",
    "SPF": (
        "a note in the DNS by which a domain lists the machines that may send its mail. Yours should name the"
        " Internet address of this box, or that of the relay."
    ),
    "spool": "the place on the card where mail waits. What is in it survives a power cut.",
    "STARTTLS": "going over to TLS in the middle of a conversation that began in the open.",
    "steward": "the one program of this box that may change settings, the clock and the network.",
    "submission": "handing mail to a server by a program that logs in, at port 587 or 465.",
    "TLS": (
        "the lock on a connection: what goes through it cannot be read or changed on the way. SSL was its older name."
    ),
    "transient failure": "an answer beginning with 4, or none at all: not now. The box tries again by itself.",
}

ALSO: Final[dict[str, str]] = {
    "4yz": "transient failure",
    "5yz": "permanent failure",
    "address": "mailbox",
    "access": "access list",
    "auth": "authentication",
    "blacklist": "block list",
    "blocklist": "block list",
    "cidr": "network mask",
    "copier": "device",
    "defer": "deferred",
    "dn": "dns",
    "dsn": "report",
    "email": "e-mail",
    "fingerprint": "certificate",
    "greylist": "greylisting",
    "expire": "expired",
    "helo": "ehlo",
    "hold": "held",
    "hostname": "host name",
    "internet provider": "isp",
    "ip": "ip address",
    "lan": "router",
    "led": "lamp",
    "login": "authentication",
    "mail": "e-mail",
    "mail exchanger": "mx",
    "mail program": "mail client",
    "mask": "network mask",
    "mx host": "mx",
    "name server": "dns server",
    "nameserver": "dns server",
    "netmask": "network mask",
    "ntp": "network time",
    "null sender": "null reverse-path",
    "password": "authentication",
    "permanent": "permanent failure",
    "provider": "isp",
    "queue item": "queue",
    "rdns": "ptr",
    "release": "held",
    "reverse dns": "ptr",
    "return path": "reverse-path",
    "scanner": "device",
    "server": "mail server",
    "smart host": "relay",
    "smarthost": "relay",
    "ssl": "tls",
    "subnet": "network mask",
    "subnet mask": "network mask",
    "time": "network time",
    "transient": "transient failure",
    "undelivered": "bounce",
    "user": "account",
}
