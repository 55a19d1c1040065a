"""Each part of the box as a process: the subcommands that run one until SIGTERM. Composes, decides nothing.

Each returns an exit status. Packages are imported by the part that needs them, so that a small one stays small.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from appliance.command import complain, settings_of


def relay(args: argparse.Namespace) -> int:
    """Run the mail path until SIGTERM; a broken file is explained and the relay stays down."""
    import asyncio
    import gc
    import logging

    from appliance import relay as room
    from appliance.settings.schema import Settings

    _log_to_stderr()
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's own
    settings = settings_of(Path(args.config))
    if not isinstance(settings, Settings):
        return 1
    gc.set_threshold(20000, 50, 50)  # a backlog is many objects that all live: looking through them often finds nothing
    try:
        return asyncio.run(room.run(settings))
    except OSError as error:
        complain(f"the relay cannot start: {error}")
        return 1


def panel(args: argparse.Namespace) -> int:
    """See appliance/panel/process.py."""
    from appliance.panel import process

    return process.run(Path(args.config), args.pins)


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
        complain(f"the steward cannot start: {error}")
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
        complain("this machine has no pins for lamps: no panel (--pins terminal draws them)")
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

    settings = settings_of(Path(args.config))
    return 1 if settings is None else probing.run(settings, args.wait, complain)


def page(args: argparse.Namespace) -> int:
    """Run the status page until SIGTERM; with a broken settings file it says just that, at the shipped ports."""
    import asyncio

    from appliance.page import process
    from appliance.settings.schema import Settings

    _log_to_stderr()
    settings = settings_of(Path(args.config))
    return asyncio.run(process.run(settings or Settings(), "" if settings else "settings"))


def console(args: argparse.Namespace) -> int:
    """Serve the serial lines until SIGTERM; with --attach or --demo be the terminal at the other end."""
    from appliance.clock import SystemClock
    from appliance.console import attach, process
    from appliance.console.shell import Commands

    if args.attach or args.demo:
        try:
            attach.attach(args.attach or attach.demo_console(), args.speed or process.FALLBACK_SPEED)
        except (OSError, ValueError) as error:
            complain(str(error))
            return 1
        return 0
    if not args.port:
        complain("outbox console needs --port, --attach or --demo")
        return 2
    _log_to_stderr()
    return process.run(args.port, args.speed, Path(args.config), Commands, SystemClock())


def demo(args: argparse.Namespace) -> int:
    """See appliance/demo/."""
    from appliance import demo as pretend

    return pretend.run(check=args.check)


def _log_to_stderr() -> None:
    import logging

    from appliance.linelog import LineHandler

    logging.basicConfig(handlers=[LineHandler(sys.stderr)], level=logging.INFO, format="%(message)s")
    logging._srcfile = None  # nobody shows where in the code, by which thread or process a line was written
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
