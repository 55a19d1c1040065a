"""`outbox settings|backup|restore|support-bundle|update …`: what the steward does, asked from a shell.

Passphrases come from the terminal without echo, or as the first line of standard input, never from the command line.
Returns exit statuses like the rest of the command: 0 done, 1 not done and said why.
"""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.core.reply import printable
from appliance.interface.client import Unreachable, ask
from appliance.ports import Refused
from appliance.printing import as_json
from appliance.settings.salvage import load_or_salvage

LONG_S: Final = 120.0
LOOK_S: Final = 1.0
Add = Callable[..., argparse.ArgumentParser]


def add_to(commands: Any, add: Add) -> None:
    """The subcommands, made by `add(commands, name, function, words)`."""
    settings = commands.add_parser("settings", help="candidate, commits, way back")
    actions = settings.add_subparsers(required=True, metavar="ACTION")
    add(actions, "show", show, "the running settings").add_argument("--candidate", action="store_true")
    add(actions, "compare", _says("settings.compare"), "what a commit would change")
    add(actions, "history", _says("settings.history"), "all commits")
    apply = add(actions, "apply", put_in_force, "commit a whole settings file (- = standard input)")
    apply.add_argument("file")
    apply.add_argument("--confirm", type=float, default=0.0, metavar="MINUTES", help="go back unless confirmed by then")
    apply.add_argument("--comment", default="")
    add(actions, "confirm", _says("settings.confirm"), "the last commit stays")
    add(actions, "rollback", rollback, "commit an earlier one again").add_argument("n", type=int)
    add(commands, "backup", backup, "settings, accounts and keys as text under a passphrase")
    add(commands, "restore", restore, "the same back").add_argument("file")
    add(commands, "support-bundle", bundle, "what a helper needs to know, without secrets")
    update = commands.add_parser("update", help="the release").add_subparsers(required=True, metavar="ACTION")
    install = add(update, "install", install_update, "install an update bundle; shows its progress")
    install.add_argument("source", metavar="FILE|URL", help='or "stick": from the USB stick')
    install.add_argument("--no-reboot", action="store_true", help="it counts after the next start")
    add(update, "status", _says("update.status"), "how far an update is")


def _says(verb: str) -> Callable[[argparse.Namespace], int]:
    def command(args: argparse.Namespace) -> int:
        return _finish(lambda: _say(_ask(args, verb), args))

    return command


def _finish(work: Callable[[], None]) -> int:
    try:
        work()
    except (Unreachable, Refused, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(printable(str(error), 2000) + "\n")
        return 1
    return 0


def _ask(args: argparse.Namespace, verb: str, **arguments: Any) -> Any:
    path = args.socket or load_or_salvage(Path(args.config)).control.steward_socket
    return ask(path, verb, arguments, LONG_S)


def _say(result: Any, args: argparse.Namespace) -> None:
    if args.json:
        sys.stdout.write(as_json(result) + "\n")
    elif isinstance(result, dict) and set(result) == {"lines"}:
        sys.stdout.write("".join(printable(line, 2000) + "\n" for line in result["lines"]))
    else:
        rows = result if isinstance(result, list) else [result]
        for row in rows:
            words = ", ".join(f"{name} {each}" for name, each in row.items() if each not in (None, "", []))
            sys.stdout.write(printable(words, 2000) + "\n")


def show(args: argparse.Namespace) -> int:
    """TOML text."""

    def work() -> None:
        found = _ask(args, "settings.show", which="candidate" if args.candidate else "running")
        _write(found["text"] if not args.json else as_json(found) + "\n")

    return _finish(work)


def put_in_force(args: argparse.Namespace) -> int:
    """Replace the candidate and commit."""

    def work() -> None:
        text = sys.stdin.read() if args.file == "-" else Path(args.file).read_text()
        _ask(args, "settings.replace", text=text)
        _say(_ask(args, "settings.commit", comment=args.comment, confirm_min=args.confirm), args)

    return _finish(work)


def rollback(args: argparse.Namespace) -> int:
    def work() -> None:
        _ask(args, "settings.rollback", n=args.n)
        _say(_ask(args, "settings.commit", comment=f"rollback {args.n}"), args)

    return _finish(work)


def backup(args: argparse.Namespace) -> int:
    """To standard output."""
    return _finish(lambda: _write(_ask(args, "backup", passphrase=_passphrase(twice=True))["text"]))


def restore(args: argparse.Namespace) -> int:
    """The settings are in the candidate afterwards."""

    def work() -> None:
        text = Path(args.file).read_text()
        _say(_ask(args, "restore", text=text, passphrase=_passphrase()), args)

    return _finish(work)


def bundle(args: argparse.Namespace) -> int:
    return _finish(lambda: _write(_ask(args, "support-bundle")["text"] + "\n"))


def install_update(args: argparse.Namespace) -> int:
    """Until it is installed or failed."""

    def work() -> None:
        source = args.source if args.source == "stick" or "://" in args.source else str(Path(args.source).resolve())
        status = _ask(args, "update.install", source=source, reboot=not args.no_reboot)
        shown = ""
        while True:
            line = f"{status['percent']:>3} % {printable(status['words'], 300)}"
            if line != shown:
                _write(line + "\n")
            shown = line
            if status["state"] != "installing":
                break
            time.sleep(LOOK_S)
            status = _ask(args, "update.status")
        if status["state"] == "failed":
            raise Refused("the update failed; the box is as it was")

    return _finish(work)


def _passphrase(twice: bool = False) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Passphrase: ")
    if twice and getpass.getpass("Once more: ") != first:
        raise Refused("the two differ")
    return first


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
