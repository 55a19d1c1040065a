"""The words for mail that waits."""

from __future__ import annotations

from typing import Final

from appliance.console import queue
from appliance.console.grammar import Command

COMMANDS: Final = (
    Command(
        "queue hold ID [REASON...]",
        "keep a message until it is released",
        queue.act("hold", "is held"),
        cli="queue hold",
    ),
    Command("queue release ID", "let a held message go", queue.act("release", "is released"), cli="queue release"),
    Command("queue retry ID", "try a message now", queue.act("retry", "is due now"), cli="queue retry"),
    Command(
        "queue bounce ID",
        "give a message up and tell its sender",
        queue.act("bounce", "is given up; its sender is told"),
        cli="queue bounce",
    ),
    Command("queue delete ID", "delete a message, its sender is not told", queue.delete, cli="queue delete"),
    Command("queue export ID", "print a message", queue.export, cli="queue export"),
    Command("flush", "all that waits is due now", queue.flush, cli="flush"),
    Command("acknowledge", "you have read the bounces", queue.acknowledge, cli="acknowledge"),
    Command("erase", "forget the history", queue.erase, cli="erase", whole=True),
)
