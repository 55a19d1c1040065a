"""`outbox console`: keeps a session on each serial line, for as long as the process lives.

One thread for each line. A line that is missing or goes away (a USB adapter pulled) is opened again, with a growing
pause of at most REOPEN_MAX_S; whoever was logged in there is logged out. The settings are looked at again before each
visit, and a changed speed is taken up while nobody is logged in. When they are broken, the last known ones count, or
what can be salvaged of them, or the shipped ones: a wrong setting never takes the console away (P7). A bug in a keeper
ends the process with status 1.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from appliance.console.faces import Places, Shell
from appliance.console.gate import Gate
from appliance.console.serial_port import SerialLine
from appliance.console.session import Session
from appliance.console.terminal import LineTerminal, Lost
from appliance.ports import Clock
from appliance.settings.load import load
from appliance.settings.salvage import load_or_salvage
from appliance.settings.schema import Settings

REOPEN_MAX_S: Final = 8.0
LOOK_S: Final = 2.0
FALLBACK_SPEED: Final = 115200
log = logging.getLogger(__name__)


class Configuration:
    """What the console needs of the settings file; `speed` 0 = the one in the file."""

    def __init__(self, config: Path, clock: Clock, speed: int = 0) -> None:
        self._config, self._clock, self._speed = config, clock, speed
        self._looked_at, self._changed_at = -LOOK_S, -1
        self._settings = load_or_salvage(config)

    def fresh(self) -> Settings:
        """As they are in the file now."""
        self._looked_at = -LOOK_S
        return self.settings()

    def settings(self) -> Settings:
        """As they are in the file, looked at again after LOOK_S; as last known when it cannot be read."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            with contextlib.suppress(OSError):
                self._read(self._config.stat().st_mtime_ns)
        return self._settings

    def _read(self, changed_at: int) -> None:
        if changed_at != self._changed_at:
            self._changed_at = changed_at
            loaded = load(self._config)
            self._settings = loaded if isinstance(loaded, Settings) else self._settings

    def speed(self) -> int:
        return self._speed or self.settings().console.speed


class Keeper:
    """Keeps a console on one line."""

    def __init__(
        self, path: str, configuration: Configuration, gate: Gate, shell: Callable[[], Shell], clock: Clock
    ) -> None:
        self._path, self._configuration, self._gate, self._shell, self._clock = path, configuration, gate, shell, clock
        self._trouble = ""

    def keep(self, pause: Callable[[float], object]) -> None:
        """Until `pause` raises; it waits that many seconds."""
        pause_s = 0.5
        while True:
            opened_at = self._clock.monotonic()
            self.serve_once()
            if self._clock.monotonic() - opened_at > REOPEN_MAX_S:
                pause_s = 0.5
            pause(pause_s)
            pause_s = min(pause_s * 2, REOPEN_MAX_S)

    def serve_once(self) -> None:
        """Open the line and serve visits until it is lost."""
        speed = self._configuration.speed()
        try:
            line = self._open(speed)
        except (OSError, ValueError) as error:
            self._note(f"{self._path} cannot be opened: {error}")
            return
        self._note(f"{self._path} is open at {line.speed} baud")
        try:
            while self._configuration.speed() == speed:
                io = LineTerminal(line, self._clock)
                idle_s = self._configuration.settings().console.idle_s
                Session(io, self._gate, self._shell, idle_s).visit(lambda: self._configuration.speed() != speed)
        except Lost as lost:
            self._note(f"{self._path} was lost: {lost}")
        finally:
            line.close()

    def _open(self, speed: int) -> SerialLine:
        try:
            return SerialLine(self._path, speed)
        except ValueError:
            if speed == FALLBACK_SPEED:
                raise
            return SerialLine(self._path, FALLBACK_SPEED)

    def _note(self, text: str) -> None:
        """Once for as long as it stays so."""
        if text != self._trouble:
            log.info("console %s", text)
        self._trouble = text


def run(ports: Sequence[str], speed: int, config: Path, shell: Callable[[Places], Shell], clock: Clock) -> int:
    """Serve all `ports` until SIGTERM or SIGINT; the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    configuration = Configuration(config, clock, speed)
    gate = Gate("", clock)

    def made() -> Shell:
        """Where relay and steward are may have changed since the last visit."""
        settings = configuration.fresh()
        gate.move(settings.control.steward_socket, settings.paths.password)
        return shell(Places(settings.control.socket, settings.control.steward_socket))

    crashed = threading.Event()
    for path in ports:
        keeper = Keeper(path, configuration, gate, made, clock)
        threading.Thread(target=_guarded, args=(keeper, crashed), daemon=True, name=path).start()
    signal.sigwait((signal.SIGTERM, signal.SIGINT))
    return 1 if crashed.is_set() else 0


def _guarded(keeper: Keeper, crashed: threading.Event) -> None:
    try:
        keeper.keep(time.sleep)
    except Exception:
        log.exception("a bug ends the console")
        crashed.set()
        os.kill(os.getpid(), signal.SIGTERM)
