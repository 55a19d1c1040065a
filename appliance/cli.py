"""The command `outbox`: composes, decides nothing.

Each subcommand returns an exit status: 0 done, 1 not done and said why, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from typing import Any

from appliance import __version__, processes, questions, steward_command
from appliance.questions import asks

CONFIG = "/data/outbox.toml"
QUEUE_ACTIONS = ("hold", "release", "retry", "delete", "bounce")


def main(arguments: list[str] | None = None) -> int:
    """Entry point; the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["selftest"]:  # has options of its own
        from appliance import selftest

        return selftest.run(words[1:])
    args = _parser().parse_args(words)
    command: Callable[[argparse.Namespace], int] = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="outbox", description="A dedicated outgoing mail box.")
    parser.add_argument("--version", action="version", version=f"outbox {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "relay", processes.relay, "run the relay")
    keeper = _add(commands, "steward", processes.steward, "run the steward: settings, passwords, network, clock, power")
    keeper.add_argument("--image", action="store_true", help="this machine is the box itself")
    _add(commands, "page", processes.page, "run the status page")
    whole = _add(commands, "run", processes.run, "run all parts of the box on this machine and keep them running")
    whole.add_argument("--console", action="append", default=[], metavar="PORT", help="a console on this serial port")
    whole.add_argument("--without", action="append", default=[], metavar="PART", help="leave out panel or page")
    whole.add_argument("--pins", default="", help="what the panel drives, as in outbox panel")
    whole.add_argument("--log", default="", metavar="FILE", help="write the log of all parts there")
    _add(commands, "prepare", processes.prepare, "turn the settings into what the image's system reads")
    judge = _add(commands, "probe", processes.probe, "see that the relay takes a message")
    judge.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="try for so long")
    check = _add(commands, "check-config", questions.check_config, "list every complaint about a settings file")
    check.add_argument("file", nargs="?")
    check.add_argument("--json", action="store_true", help="print JSON")
    for verb, words in (("status", "the state of the box"), ("flush", "all waiting mail is due now"),
                        ("acknowledge", "the bounces have been seen"), ("bounces", "bounces not yet seen"),
                        ("erase", "forget the history")):  # fmt: skip
        _add(commands, verb, asks(verb), words, talks=True)
    history = _add(commands, "history", asks("history", "text", "limit"), "what became of each message", talks=True)
    history.add_argument("text", nargs="?", default="")
    history.add_argument("--limit", type=int, default=50)
    test = _add(commands, "send-test", asks("send-test", "to"), "send a test message", talks=True)
    test.add_argument("to", metavar="ADDRESS")
    _queue(commands)
    _account(commands)
    steward_command.add_to(commands, functools.partial(_add, talks=True))
    _lamps(commands)
    _console(commands)
    pretend = _add(commands, "demo", processes.demo, "the whole relay with a pretend Internet")
    pretend.add_argument("--check", action="store_true", help="do it by itself, then exit")
    commands.add_parser("selftest", help="try lamps, button, serial line, card, network, clock")
    return parser


def _add(commands: Any, name: str, command: Any, words: str, talks: bool = False) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=words)
    parser.add_argument("--config", default=CONFIG, metavar="FILE", help=f"settings file ({CONFIG})")
    if talks:
        parser.add_argument("--socket", default="", help="command interface, when not the one in the settings")
        parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)
    return parser


def _queue(commands: Any) -> None:
    queue = commands.add_parser("queue", help="the mail that waits").add_subparsers(required=True, metavar="ACTION")
    listing = _add(queue, "list", asks("queue.list", "limit"), "all of it", talks=True)
    listing.add_argument("--limit", type=int, default=50)
    _add(queue, "show", asks("queue.show", "id"), "one message", talks=True).add_argument("id")
    for action in QUEUE_ACTIONS:
        _add(queue, action, asks(f"queue.{action}", "id"), f"{action} a message", talks=True).add_argument("id")
    _add(queue, "export", questions.export, "write a message's content to standard output", talks=True).add_argument(
        "id"
    )


def _lamps(commands: Any) -> None:
    process = _add(commands, "panel", processes.panel, "show the lamps and feel the button")
    process.add_argument("--pins", choices=("gpiod", "terminal", "mock"), default="gpiod", help="where the lamps are")
    said = _add(commands, "lamps", questions.lamps, "what the lamps say, in words")
    said.add_argument("--json", action="store_true", help="print JSON")
    _add(commands, "locate", asks("locate"), "all lamps blink for a minute", talks=True)
    _add(commands, "test-lamps", asks("lamps.test"), "each lamp lights for a moment", talks=True)


def _account(commands: Any) -> None:
    actions = commands.add_parser("account", help="who may log in").add_subparsers(required=True, metavar="ACTION")
    for action, words in (("list", "all accounts"), ("set", "make one, or give it a password"), ("remove", "end one")):
        each = _add(actions, action, questions.account, words)
        each.set_defaults(action=action)
        if action == "list":
            each.add_argument("--json", action="store_true", help="print JSON")
        else:
            each.add_argument("name")
        if action == "set":
            each.add_argument("--sender", action="append", default=[], help="mailbox or domain that it may use")


def _console(commands: Any) -> None:
    line = _add(commands, "console", processes.console, "serve the console on serial lines, or be the terminal of one")
    line.add_argument("--port", action="append", default=[], help="serial device or pyserial URL (repeat for more)")
    line.add_argument("--speed", type=int, default=0, help="baud, when not the speed in the settings")
    line.add_argument("--attach", metavar="PORT", help="be the terminal of a box at this port")
    line.add_argument("--demo", action="store_true", help="be the terminal of a running outbox demo")


if __name__ == "__main__":
    sys.exit(main())
