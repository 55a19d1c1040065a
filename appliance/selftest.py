"""`outbox selftest`: walks the hardware of the box and prints pass or fail with the measured values.

lamps, button, serial (loop-back plug: pins 2 and 3 joined), card, network, clock. Each check gives one Finding; none
raises for hardware that is broken, missing or busy. `run` returns 0 when nothing failed, 1 otherwise, 2 for a wrong
argument. A check that could not be judged (nobody there to look) is "skip", never "pass".
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from appliance import pins
from appliance.console.serial_port import open_port
from appliance.panel import gpiod_factory
from appliance.selftest_card import capacity_finding, flush_finding
from appliance.selftest_finding import Finding
from appliance.selftest_system import clock_findings, network_findings

CHECKS: Final = ("lamps", "button", "serial", "card", "network", "clock")
POLL_S: Final = 0.02
BUTTON_WAIT_S: Final = 20.0
LOOP_BYTES: Final = 1024


@dataclass(slots=True)
class Bench:
    """What the checks touch, so that a test can put something else there. `ask` None = nobody is there to look.
    `factory` None = the kernel's GPIO; `root` is where /sys, /proc and /run are looked for."""

    ask: Callable[[str], bool] | None = None
    factory: Any = None
    serial: str = "/dev/ttyS1"
    speeds: tuple[int, ...] = (9600, 115200)
    folder: Path = Path("/data")
    card_bytes: int = 64 << 20
    root: Path = Path("/")
    pause: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = field(default=print)


def run(args: Sequence[str]) -> int:
    """Read the arguments, walk the checks, print a line for each; the exit status."""
    try:
        options = _parser().parse_args(args)
    except SystemExit as stop:
        return int(stop.code or 0)
    bench = Bench(
        ask=None if options.unattended or not sys.stdin.isatty() else _ask,
        serial=options.serial,
        folder=options.folder,
        card_bytes=0 if options.whole_card else 64 << 20,
    )
    return walk(bench, options.only or CHECKS)


def walk(bench: Bench, names: Sequence[str]) -> int:
    """The checks of `names` in order: prints as it goes, 0 when none failed."""
    checks: dict[str, Callable[[Bench], Iterator[Finding]]] = {
        "lamps": lamps,
        "button": button,
        "serial": serial_loop,
        "card": card,
        "network": lambda bench: network_findings(bench.root),
        "clock": lambda bench: clock_findings(bench.root, time.time()),
    }
    failed = 0
    for name in names:
        for finding in checks[name](bench):
            bench.say(finding.line())
            failed += finding.passed is False
    bench.say(f"{failed} failed" if failed else "nothing failed")
    return 1 if failed else 0


def lamps(bench: Bench) -> Iterator[Finding]:
    """Each lamp alone for one second; its line is read back, and whoever is there says whether it is lit."""
    for pin in pins.LAMPS:
        name = f"lamp {pin.signal}"
        place = f"GPIO{pin.bcm}, header pin {pin.header}, {pin.colour}"
        try:
            lamp = gpiod_factory.lamp(pin.bcm, bench.factory)
        except OSError as error:
            yield Finding(name, False, f"{place}: {error}")
            continue
        with lamp:
            dark = not lamp.pin.state
            lamp.on()
            driven = bool(lamp.pin.state)
            bench.pause(1.0)
            seen = bench.ask(f"Is only the {pin.signal.upper()} lamp ({pin.colour}) lit?") if bench.ask else None
            lamp.off()
            yield Finding(name, seen if dark and driven else False, _lamp_words(place, dark, driven, seen))


def _lamp_words(place: str, dark: bool, driven: bool, seen: bool | None) -> str:
    level = "driven high and read back" if driven else "does not go high"
    if not dark:
        level = "does not go low"
    return f"{place}: {level}, {'nobody looked' if seen is None else 'seen' if seen else 'not seen'}"


def button(bench: Bench) -> Iterator[Finding]:
    """One press and release within BUTTON_WAIT_S; how long it was down."""
    place = f"GPIO{pins.BUTTON.bcm}, header pin {pins.BUTTON.header}"
    try:
        device = gpiod_factory.button(pins.BUTTON.bcm, bench.factory)
    except OSError as error:
        yield Finding("button", False, f"{place}: {error}")
        return
    with device:
        if device.is_pressed:
            yield Finding("button", False, f"{place}: low before it was touched (stuck, or no pull-up)")
            return
        if bench.ask is None:
            yield Finding("button", None, f"{place}: reads released, nobody there to press it")
            return
        bench.say("Press the button and let it go.")
        pressed = _within(bench, lambda: device.is_pressed) is not None
        held = _within(bench, lambda: not device.is_pressed)
        if not pressed:
            yield Finding("button", False, f"{place}: not pressed within {BUTTON_WAIT_S:.0f} s")
        elif held is None:
            yield Finding("button", False, f"{place}: not released within {BUTTON_WAIT_S:.0f} s")
        else:
            yield Finding("button", True, f"{place}: pressed for about {held * POLL_S:.2f} s")


def _within(bench: Bench, true: Callable[[], bool]) -> int | None:
    """How many polls until it is true; None after BUTTON_WAIT_S."""
    for count in range(int(BUTTON_WAIT_S / POLL_S)):
        if true():
            return count
        bench.pause(POLL_S)
    return None


def serial_loop(bench: Bench) -> Iterator[Finding]:
    """With pins 2 and 3 of the DE-9 joined, every octet sent must come back, at each speed."""
    for speed in bench.speeds:
        name = f"serial {speed}"
        try:
            with open_port(bench.serial, speed, timeout_s=0.5) as port:
                yield _looped(name, bench.serial, port, speed)
        except (OSError, ValueError) as error:
            yield Finding(name, False, f"{bench.serial}: {error}")


def _looped(name: str, path: str, port: Any, speed: int) -> Finding:
    """Sixteen octets at a time, so that no small receive buffer overflows; every octet value is among them."""
    port.reset_input_buffer()
    sent, wrong, started = 0, 0, time.monotonic()
    for start in range(0, LOOP_BYTES, 16):
        piece = bytes((start + index) * 7 & 0xFF for index in range(16))
        port.write(piece)
        back = port.read(len(piece))
        sent += len(piece)
        wrong += sum(one != two for one, two in zip(piece, back, strict=False)) + len(piece) - len(back)
        if not back:
            return Finding(name, False, f"{path}: nothing came back (plug with pins 2 and 3 joined missing?)")
    rate = sent / max(time.monotonic() - started, 1e-6)
    return Finding(name, wrong == 0, f"{path}: {sent} octets at {speed} baud, {wrong} wrong, {rate:.0f} octets/s")


def card(bench: Bench) -> Iterator[Finding]:
    """How long the card takes to flush, and whether the space that it claims is really there."""
    try:
        yield flush_finding(bench.folder)
        yield capacity_finding(bench.folder, bench.card_bytes)
    except OSError as error:
        yield Finding("card", False, f"{bench.folder}: {error}")


def _ask(question: str) -> bool:
    return input(f"{question} [y/n] ").strip().lower().startswith("y")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("outbox selftest", description="Walk the hardware: pass or fail, with values.")
    parser.add_argument("--only", action="append", choices=CHECKS, help="this check only (repeat for more)")
    parser.add_argument("--unattended", action="store_true", help="ask nothing; what must be looked at is skipped")
    parser.add_argument("--serial", default="/dev/ttyS1", help="line with the loop-back plug")
    parser.add_argument("--folder", type=Path, default=Path("/data"), help="folder on the card")
    parser.add_argument("--whole-card", action="store_true", help="fill all free space to prove the capacity (long)")
    return parser
