"""`outbox panel`: the process that shows the lamps and feels the button.

One thread asks the relay, one does what the button asked for, the main one ticks every TICK_S: read the button, light
the lamps. Pins that are missing or taken end it with a sentence and status 1; a settings file with a mistake does not
(pins as shipped, and SYSTEM says so). systemd's watchdog is fed only while lamps were driven and the relay was asked
lately. Whatever ends it, the lamps go dark.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from appliance.clock import SystemClock
from appliance.core.lamps import Lamps, lamps
from appliance.notify import WATCHDOG_SHARE, notify, watchdog_s
from appliance.panel import gpiod_factory
from appliance.panel.actions import Actions
from appliance.panel.display import Display
from appliance.panel.presses import SHORT, Presses
from appliance.panel.terminal import Terminal
from appliance.panel.watcher import EVERY_S, Watcher
from appliance.ports import Clock
from appliance.settings import schema

TICK_S: Final = 0.04
POWER_ON_S: Final = 180.0  # after the kernel's start
PINS: Final = ("gpiod", "terminal", "mock")
Show = Callable[[Lamps, tuple[bool, ...]], None]
log = logging.getLogger(__name__)


class Panel:
    """Lamps and button on the pins of `factory` (None = the kernel's). Raises OSError for a pin that is not there."""

    def __init__(
        self, watcher: Watcher, clock: Clock, factory: Any = None, powering_on: bool = False, show: Show | None = None
    ) -> None:
        pins, self._show, self._clock, self._watcher = watcher.settings.panel, show, clock, watcher
        self._stack = ExitStack()
        self.lamps, self.button = _claim(pins, factory, self._stack)
        self._lit: tuple[bool, ...] = (False,) * 4
        self._seen = watcher.seen
        self._said = lamps(self._seen.status, self._seen.trouble)
        self._display = Display(clock.monotonic())
        self._presses = Presses(powering_on)
        self.actions = Actions(lambda: watcher.settings, lambda: self._display.done(clock.monotonic()))
        self.ticked_at = clock.monotonic()

    def tick(self) -> None:
        """Feel the button and light the lamps, once."""
        now, seen = self._clock.monotonic(), self._watcher.seen
        if meaning := self._presses.feel(bool(self.button.is_pressed), now):
            log.info("button: %s", meaning)
            self.actions.put(meaning)
        if seen is not self._seen:
            self._seen, self._said = seen, lamps(seen.status, seen.trouble)
        lit = self._display.frame(self._said, seen.status, self._presses.meaning(now) not in ("", SHORT), now)
        for device, on, before in zip(self.lamps, lit, self._lit, strict=True):
            if on is not before:
                device.on() if on else device.off()
        self._lit = lit
        if self._show is not None:
            self._show(self._said, lit)
        self.ticked_at = now

    def close(self) -> None:
        """All dark, pins given back."""
        self.actions.stop()
        for device in self.lamps:
            with suppress(OSError):
                device.off()
        self._stack.close()


def _claim(pins: schema.Panel, factory: Any, stack: ExitStack) -> tuple[list[Any], Any]:
    """The four lamps in the order of the label, and the button; on a failure what was taken is given back."""
    try:
        factory = factory or gpiod_factory.GpiodFactory()
        numbers = (pins.system_gpio, pins.queue_gpio, pins.bounce_gpio, pins.activity_gpio)
        found = [stack.enter_context(gpiod_factory.lamp(number, factory)) for number in numbers]
        return found, stack.enter_context(gpiod_factory.button(pins.button_gpio, factory))
    except BaseException:
        stack.close()
        raise


def run(config: Path, pins: str) -> int:
    """Until SIGTERM or SIGINT; the exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock = SystemClock()
    watcher = Watcher(config, clock)
    terminal = Terminal(sys.stdout, sys.stderr if sys.stderr.isatty() else None) if pins == "terminal" else None
    if terminal is not None:
        logging.getLogger().setLevel(logging.WARNING)
    factory = None if pins == "gpiod" else gpiod_factory.MockFactory()
    try:
        panel = Panel(watcher, clock, factory, _uptime_s() < POWER_ON_S, terminal.show if terminal else None)
    except OSError as error:
        sys.stderr.write(f"the panel cannot start: {error}; it needs a Raspberry Pi whose /dev/gpiochip* it may open\n")
        return 1
    bugs: list[Exception] = []
    threading.Thread(target=_watch, args=(watcher, stop, bugs), name="relay", daemon=True).start()
    panel.actions.start()
    notify("READY=1")
    try:
        _turn(panel, watcher, stop, clock)
    finally:
        notify("STOPPING=1")
        panel.close()
        if terminal is not None:
            terminal.close()
    return 1 if bugs else 0


def _turn(panel: Panel, watcher: Watcher, stop: threading.Event, clock: Clock) -> None:
    span = watchdog_s()
    fed_at = float("-inf")
    while not stop.wait(TICK_S):
        panel.tick()
        now = clock.monotonic()
        if span and now - fed_at > span * WATCHDOG_SHARE and now - watcher.looked_at < span:
            fed_at = now
            notify("WATCHDOG=1")


def _watch(watcher: Watcher, stop: threading.Event, bugs: list[Exception]) -> None:
    """A bug ends the process, so that the lamps never go on showing what was."""
    try:
        while not stop.wait(EVERY_S):
            watcher.look()
    except Exception as bug:
        log.exception("a bug ends the panel")
        bugs.append(bug)
        stop.set()


def _uptime_s() -> float:
    """Since the kernel's start; infinite when it cannot be read: then nothing is taken for a power-on."""
    try:
        return float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return float("inf")
