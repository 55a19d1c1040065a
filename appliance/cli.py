"""The command `outbox`: composes, decides nothing.

Each subcommand returns an exit status: 0 done, 1 not done and said why, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import base64
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance import __version__, steward_command

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
    _add(commands, "relay", relay, "run the relay")
    keeper = _add(commands, "steward", steward, "run the steward: settings, passwords, network, clock, power")
    keeper.add_argument("--image", action="store_true", help="this machine is the box itself")
    _add(commands, "page", page, "run the status page")
    whole = _add(commands, "run", run, "run all parts of the box on this machine and keep them running")
    whole.add_argument("--console", action="append", default=[], metavar="PORT", help="a console on this serial port")
    whole.add_argument("--without", action="append", default=[], metavar="PART", help="leave out panel or page")
    whole.add_argument("--pins", default="", help="what the panel drives, as in outbox panel")
    whole.add_argument("--log", default="", metavar="FILE", help="write the log of all parts there")
    _add(commands, "prepare", prepare, "turn the settings into what the image's system reads")
    judge = _add(commands, "probe", probe, "see that the relay takes a message")
    judge.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="try for so long")
    check = _add(commands, "check-config", check_config, "list every complaint about a settings file")
    check.add_argument("file", nargs="?")
    check.add_argument("--json", action="store_true", help="print JSON")
    for verb, words in (("status", "the state of the box"), ("flush", "all waiting mail is due now"),
                        ("acknowledge", "the bounces have been seen"), ("bounces", "bounces not yet seen"),
                        ("erase", "forget the history")):  # fmt: skip
        _add(commands, verb, _asks(verb), words, talks=True)
    history = _add(commands, "history", _asks("history", "text", "limit"), "what became of each message", talks=True)
    history.add_argument("text", nargs="?", default="")
    history.add_argument("--limit", type=int, default=50)
    test = _add(commands, "send-test", _asks("send-test", "to"), "send a test message", talks=True)
    test.add_argument("to", metavar="ADDRESS")
    _queue(commands)
    _account(commands)
    steward_command.add_to(commands, functools.partial(_add, talks=True))
    _lamps(commands)
    _console(commands)
    pretend = _add(commands, "demo", demo, "the whole relay with a pretend Internet")
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
    listing = _add(queue, "list", _asks("queue.list", "limit"), "all of it", talks=True)
    listing.add_argument("--limit", type=int, default=50)
    _add(queue, "show", _asks("queue.show", "id"), "one message", talks=True).add_argument("id")
    for action in QUEUE_ACTIONS:
        _add(queue, action, _asks(f"queue.{action}", "id"), f"{action} a message", talks=True).add_argument("id")
    _add(queue, "export", export, "write a message's content to standard output", talks=True).add_argument("id")


def _lamps(commands: Any) -> None:
    process = _add(commands, "panel", panel, "show the lamps and feel the button")
    process.add_argument("--pins", choices=("gpiod", "terminal", "mock"), default="gpiod", help="where the lamps are")
    said = _add(commands, "lamps", lamps, "what the lamps say, in words")
    said.add_argument("--json", action="store_true", help="print JSON")
    _add(commands, "locate", _asks("locate"), "all lamps blink for a minute", talks=True)
    _add(commands, "test-lamps", _asks("lamps.test"), "each lamp lights for a moment", talks=True)


def _account(commands: Any) -> None:
    actions = commands.add_parser("account", help="who may log in").add_subparsers(required=True, metavar="ACTION")
    for action, words in (("list", "all accounts"), ("set", "make one, or give it a password"), ("remove", "end one")):
        each = _add(actions, action, account, words)
        each.set_defaults(action=action)
        if action == "list":
            each.add_argument("--json", action="store_true", help="print JSON")
        else:
            each.add_argument("name")
        if action == "set":
            each.add_argument("--sender", action="append", default=[], help="mailbox or domain that it may use")


def _console(commands: Any) -> None:
    line = _add(commands, "console", console, "serve the console on serial lines, or be the terminal of one")
    line.add_argument("--port", action="append", default=[], help="serial device or pyserial URL (repeat for more)")
    line.add_argument("--speed", type=int, default=0, help="baud, when not the speed in the settings")
    line.add_argument("--attach", metavar="PORT", help="be the terminal of a box at this port")
    line.add_argument("--demo", action="store_true", help="be the terminal of a running outbox demo")


def account(args: argparse.Namespace) -> int:
    """See appliance/account.py."""
    from appliance import account as accounts

    settings = _settings(Path(args.config))
    return 1 if settings is None else accounts.run(settings, args)


def relay(args: argparse.Namespace) -> int:
    """Run the mail path until SIGTERM; a broken file is explained and the relay stays down."""
    import asyncio
    import gc
    import logging

    from appliance import relay as room
    from appliance.settings.schema import Settings

    _log_to_stderr()
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's own
    settings = _settings(Path(args.config))
    if not isinstance(settings, Settings):
        return 1
    gc.set_threshold(20000, 50, 50)  # a backlog is many objects that all live: looking through them often finds nothing
    try:
        return asyncio.run(room.run(settings))
    except OSError as error:
        _complain(f"the relay cannot start: {error}")
        return 1


def panel(args: argparse.Namespace) -> int:
    """See appliance/panel/process.py."""
    from appliance.panel import process

    return process.run(Path(args.config), args.pins)


def lamps(args: argparse.Namespace) -> int:
    """As the panel decides; the exit status is 0 also when the relay is dead: then SYSTEM says so."""
    from appliance.clock import SystemClock
    from appliance.core import lamps as language
    from appliance.panel.watcher import Watcher
    from appliance.printing import as_json, lamp_facts, lamp_lines

    watcher = Watcher(Path(args.config), SystemClock(), start_s=0.0)
    watcher.look()
    said = language.lamps(watcher.seen.status, watcher.seen.trouble)
    _say(as_json(lamp_facts(said)) if args.json else lamp_lines(said))
    return 0


def steward(args: argparse.Namespace) -> int:
    """Run the steward until SIGTERM, whatever the settings file holds."""
    import asyncio

    from appliance.steward import room
    from appliance.steward.machine import PlainMachine
    from appliance.steward.systemd_machine import SystemdMachine

    _log_to_stderr()
    try:
        return asyncio.run(room.run(Path(args.config), SystemdMachine if args.image else PlainMachine))
    except OSError as error:
        _complain(f"the steward cannot start: {error}")
        return 1


def run(args: argparse.Namespace) -> int:
    """See appliance/keeper.py."""
    import asyncio
    import os

    from appliance import keeper

    if args.log:
        with Path(args.log).open("ab") as file:
            os.dup2(file.fileno(), 2)
        os.environ["OUTBOX_LOG"] = args.log
    _log_to_stderr()
    if not args.pins and not any(Path("/dev").glob("gpiochip*")):
        args.without.append("panel")
        _complain("this machine has no pins for lamps: no panel (--pins terminal draws them)")
    names = [name for name in ("steward", "relay", "panel", "page") if name not in args.without]
    return asyncio.run(keeper.run(keeper.parts(args.config, args.console, names, args.pins)))


def prepare(args: argparse.Namespace) -> int:
    """See appliance/prepare.py."""
    from appliance import prepare as preparation

    _log_to_stderr()
    return preparation.run(Path(args.config))


def probe(args: argparse.Namespace) -> int:
    """See appliance/probe.py."""
    from appliance import probe as probing

    settings = _settings(Path(args.config))
    return 1 if settings is None else probing.run(settings, args.wait, _complain)


def _log_to_stderr() -> None:
    import logging

    from appliance.linelog import LineHandler

    logging.basicConfig(handlers=[LineHandler(sys.stderr)], level=logging.INFO, format="%(message)s")
    logging._srcfile = None  # nobody shows where in the code, by which thread or process a line was written
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def page(args: argparse.Namespace) -> int:
    """Run the status page until SIGTERM; with a broken settings file it says just that, at the shipped ports."""
    import asyncio

    from appliance.page import process
    from appliance.settings.schema import Settings

    _log_to_stderr()
    settings = _settings(Path(args.config))
    return asyncio.run(process.run(settings or Settings(), "" if settings else "settings"))


def check_config(args: argparse.Namespace) -> int:
    """Every complaint, one a line; then what would keep mail waiting although the file is right."""
    from appliance.printing import as_json
    from appliance.settings.credentials import lacking
    from appliance.settings.load import load
    from appliance.settings.schema import Settings

    path = Path(args.file or args.config)
    loaded = load(path)
    complaints = () if isinstance(loaded, Settings) else loaded
    warnings = tuple(lacking(loaded)) if isinstance(loaded, Settings) else ()
    if args.json:
        rows = [(each, False) for each in complaints] + [(each, True) for each in warnings]
        _say(as_json([{"key": each.key, "value": each.value, "expected": each.expected, "warning": warning}
                      for each, warning in rows]))  # fmt: skip
        return 1 if complaints else 0
    for complaint in complaints:
        _complain(str(complaint))
    for warning in warnings:
        _complain(f"warning: {warning}")
    if not complaints:
        _say(f"{path}: all settings are right")
    return 1 if complaints else 0


def _settings(path: Path) -> Any:
    from appliance.settings.load import load
    from appliance.settings.schema import Settings

    loaded = load(path)
    if isinstance(loaded, Settings):
        return loaded
    for complaint in loaded:
        _complain(str(complaint))
    return None


def _asks(verb: str, *names: str) -> Callable[[argparse.Namespace], int]:
    def command(args: argparse.Namespace) -> int:
        from appliance.printing import as_json, as_text

        result = _ask(args, verb, {name: getattr(args, name) for name in names})
        if result is None:
            return 1
        _say(as_json(result) if args.json else as_text(verb, result))
        return 0

    return command


def export(args: argparse.Namespace) -> int:
    """The content, as it lies in the spool."""
    result = _ask(args, "queue.export", {"id": args.id})
    if result is None:
        return 1
    sys.stdout.buffer.write(base64.b64decode(result["content"]))
    return 0


def _ask(args: argparse.Namespace, verb: str, arguments: dict[str, Any]) -> Any:
    from appliance.interface.client import Unreachable, ask
    from appliance.ports import Refused

    path = args.socket
    if not path:
        settings = _settings(Path(args.config))
        if settings is None:
            return None
        path = settings.control.socket
    try:
        return ask(path, verb, arguments)
    except (Unreachable, Refused) as error:
        _complain(str(error))
        return None


def console(args: argparse.Namespace) -> int:
    """Serve the serial lines until SIGTERM; with --attach or --demo be the terminal at the other end."""
    import logging

    from appliance.clock import SystemClock
    from appliance.console import attach, process
    from appliance.console.shell import Commands

    if args.attach or args.demo:
        try:
            attach.attach(args.attach or attach.demo_console(), args.speed or process.FALLBACK_SPEED)
        except (OSError, ValueError) as error:
            _complain(str(error))
            return 1
        return 0
    if not args.port:
        _complain("outbox console needs --port, --attach or --demo")
        return 2
    from appliance.linelog import LineHandler

    logging.basicConfig(handlers=[LineHandler(sys.stderr)], level=logging.INFO, format="%(message)s")
    return process.run(args.port, args.speed, Path(args.config), Commands, SystemClock())


def demo(args: argparse.Namespace) -> int:
    """See appliance/demo/."""
    from appliance import demo as pretend

    return pretend.run(check=args.check)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
