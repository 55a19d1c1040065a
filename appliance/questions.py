"""The subcommands that ask the running box, or look at its files, and print what it says. Exit status 0 or 1."""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.command import complain, say, settings_of


def account(args: argparse.Namespace) -> int:
    """See appliance/account.py."""
    from appliance import account as accounts

    settings = settings_of(Path(args.config))
    return 1 if settings is None else accounts.run(settings, args)


def lamps(args: argparse.Namespace) -> int:
    """As the panel decides; the exit status is 0 also when the relay is dead: then SYSTEM says so."""
    from appliance.clock import SystemClock
    from appliance.core import lamps as language
    from appliance.panel.watcher import Watcher
    from appliance.printing import as_json, lamp_facts, lamp_lines

    watcher = Watcher(Path(args.config), SystemClock(), start_s=0.0)
    watcher.look()
    said = language.lamps(watcher.seen.status, watcher.seen.trouble)
    say(as_json(lamp_facts(said)) if args.json else lamp_lines(said))
    return 0


def check_config(args: argparse.Namespace) -> int:
    """Every complaint, one a line; then what would keep mail waiting although the file is right."""
    from appliance.printing import as_json
    from appliance.settings.credentials import lacking
    from appliance.settings.load import load
    from appliance.settings.pem import unusable
    from appliance.settings.schema import Settings

    path = Path(args.file or args.config)
    loaded = load(path)
    complaints = () if isinstance(loaded, Settings) else loaded
    warnings = (*lacking(loaded), *unusable(loaded)) if isinstance(loaded, Settings) else ()
    if args.json:
        rows = [(each, False) for each in complaints] + [(each, True) for each in warnings]
        say(as_json([{"key": each.key, "value": each.value, "expected": each.expected, "warning": warning}
                      for each, warning in rows]))  # fmt: skip
        return 1 if complaints else 0
    for complaint in complaints:
        complain(str(complaint))
    for warning in warnings:
        complain(f"warning: {warning}")
    if not complaints:
        say(f"{path}: all settings are right")
    return 1 if complaints else 0


def asks(verb: str, *names: str) -> Callable[[argparse.Namespace], int]:
    def command(args: argparse.Namespace) -> int:
        from appliance.printing import as_json, as_text

        result = _ask(args, verb, {name: getattr(args, name) for name in names})
        if result is None:
            return 1
        say(as_json(result) if args.json else as_text(verb, result))
        return 0

    return command


def export(args: argparse.Namespace) -> int:
    """The content, as it lies in the spool; on a terminal what could steer it is shown as ?."""
    from appliance.core.reply import printable
    from appliance.printing import as_json

    result = _ask(args, "queue.export", {"id": args.id})
    if result is None:
        return 1
    content = base64.b64decode(result["content"])
    if args.json:  # in base64, since a content may be in any character set
        say(as_json(result))
    elif sys.stdout.isatty():
        say("\n".join(printable(line, len(line) + 1) for line in content.decode("utf-8", "replace").splitlines()))
    else:
        sys.stdout.buffer.write(content)
    return 0


def _ask(args: argparse.Namespace, verb: str, arguments: dict[str, Any]) -> Any:
    from appliance.interface.client import Unreachable, ask
    from appliance.ports import Refused

    path = args.socket
    if not path:
        settings = settings_of(Path(args.config))
        if settings is None:
            return None
        path = settings.control.socket
    try:
        return ask(path, verb, arguments)
    except (Unreachable, Refused) as error:
        complain(str(error))
        return None
