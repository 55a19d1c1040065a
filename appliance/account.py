"""`outbox account …`: who may log in to hand over mail.

Changes the accounts file that the settings name; the relay notices by itself. The password comes from the terminal
without echo, or as the first line of standard input, never from the command line, which others can see. Returns exit
statuses like the rest of the command.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from appliance.accounts import Account, load_accounts, make_account, save_accounts
from appliance.printing import as_json
from appliance.settings.schema import Settings

NAME_MAX = 255


def run(settings: Settings, args: argparse.Namespace) -> int:
    path = Path(settings.paths.accounts)
    try:
        known = load_accounts(path)
    except FileNotFoundError:
        known = {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return _complain(f"{path} cannot be read: {error}")
    if args.action == "list":
        if args.json:
            rows = [{"name": each.name, "senders": list(each.senders)} for each in known.values()]
            sys.stdout.write(as_json(rows) + "\n")
            return 0
        for each in known.values():
            sys.stdout.write(" ".join((each.name, *each.senders)) + "\n")
        return 0
    if args.action == "remove":
        if known.pop(args.name, None) is None:
            return _complain(f"there is no account {args.name!r}")
    else:
        made = _made(args.name, args.sender)
        if made is None:
            return 1
        known[made.name] = made
    try:
        save_accounts(path, list(known.values()))
    except OSError as error:
        return _complain(f"{path} cannot be written: {error.strerror}")
    return 0


def _made(name: str, senders: list[str]) -> Account | None:
    if not name.isprintable() or not 0 < len(name) <= NAME_MAX:
        _complain("an account's name is printable text")
        return None
    password = getpass.getpass(f"Password of {name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        _complain("no password was given")
        return None
    try:
        return make_account(name, password, tuple(senders))
    except ValueError as error:
        _complain(str(error))
        return None


def _complain(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1
