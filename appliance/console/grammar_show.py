"""The words for looking: `show …`, `explain`, `test …`."""

from __future__ import annotations

from typing import Final

from appliance.console import show, show_box, testing
from appliance.console.grammar import Command

COMMANDS: Final = (
    Command("show status", "the state of the box", show.status, cli="status"),
    Command("show queue", "the mail that waits", show.queue, cli="queue list"),
    Command("show lamps", "what the lamps say", show.lights, cli="lamps"),
    Command("show message ID", "one message, waiting or done", show.message, cli="queue show"),
    Command("show bounces", "mail that came back and that nobody has acknowledged", show.bounces, cli="bounces"),
    Command("show history [TEXT...]", "what became of messages, the newest first", show.history, cli="history"),
    Command("show running-config", "the settings in force, as lines that can be pasted back", show_box.running),
    Command("show running-config file", "the same as the file has it (TOML)", show_box.file),
    Command("show candidate", "the settings as they will be after commit", show_box.candidate),
    Command("show changes", "earlier settings, for rollback", show_box.changes),
    Command("show network", "addresses, cable, name", show_box.network),
    Command("show dns", "the DNS servers and whether they answer", show.dns),
    Command("show clients", "who hands the box mail", show.clients),
    Command("show storage", "the card: room and damage", show.storage),
    Command("show version", "version of this software", show_box.version, cli="--version"),
    Command("show log [LINES]", "the last lines of the log", show_box.log),
    Command("show | compare", "what commit would change", show_box.compare),
    Command("explain WORD...", "a word of mail in plain language", show_box.explain),
    Command("test dns [NAME]", "asks each DNS server of the candidate", testing.dns),
    Command("test mx DOMAIN", "looks up who takes mail for a domain", testing.mx),
    Command("test smtp HOST [PORT]", "talks to a mail server, without a message", testing.smtp),
    Command("test port25 [DOMAIN]", "tries whether the line lets mail out", testing.port25),
    Command("test lamps", "lights all lamps one after the other", testing.lamps, cli="test-lamps"),
    Command("test message ADDRESS", "sends a test message and follows it", testing.message, cli="send-test"),
)
