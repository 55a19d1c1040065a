"""Door of gpiozero and gpiod: pins as the kernel's GPIO character device gives them.

`GpiodFactory` is a gpiozero pin factory (entry point `gpiod`): lines are found by name ("GPIO17") on whichever chip has
them, outputs are on or off only, inputs are polled 50 times a second (not every kernel reports edges). `lamp` and
`button` make the two devices that the box has. A line that is missing or taken raises OSError with its name.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import gpiod
from gpiozero.exc import PinFixedPull, PinInvalidFunction, PinInvalidPull, PinPWMUnsupported, PinSetInput
from gpiozero.input_devices import Button
from gpiozero.output_devices import LED
from gpiozero.pins.local import LocalPiFactory, LocalPiPin
from gpiozero.pins.mock import MockFactory

HEADER_OF: Final = 0xA02082  # board revision that stands for every 40-pin header; the emulated board reports none
POLL_S: Final = 0.02

__all__ = ["GpiodFactory", "GpiodLines", "GpiodPin", "MockFactory", "button", "lamp"]


class Lines(Protocol):
    """What the factory needs of the kernel; tests have one in memory."""

    def claim(self, name: str, output: bool, pull: str) -> Any:
        """A handle on the line, low at first when it is an output. Raises OSError."""

    def read(self, handle: Any, name: str) -> bool: ...

    def write(self, handle: Any, name: str, high: bool) -> None: ...

    def release(self, handle: Any) -> None: ...


class GpiodLines:
    """The kernel's lines, requested by name."""

    BIAS: Final = {
        "up": gpiod.line.Bias.PULL_UP,
        "down": gpiod.line.Bias.PULL_DOWN,
        "floating": gpiod.line.Bias.AS_IS,
    }

    def __init__(self, devices: Path = Path("/dev")) -> None:
        self._devices = devices
        self._turn = (
            threading.Lock()
        )  # a request keeps its arguments in one place: two threads at once fail with EINVAL

    def claim(self, name: str, output: bool, pull: str) -> gpiod.LineRequest:
        direction = gpiod.line.Direction.OUTPUT if output else gpiod.line.Direction.INPUT
        settings = gpiod.LineSettings(direction=direction, bias=self.BIAS[pull])
        chips = sorted(self._devices.glob("gpiochip*"))
        for path in chips:
            with self._open(path) as chip:
                try:
                    chip.line_offset_from_id(name)
                except OSError:
                    continue
                try:
                    return chip.request_lines(consumer="outbox", config={name: settings})
                except OSError as error:
                    raise OSError(error.errno, f"{name} on {path.name}: {error.strerror}") from error
        if not chips:
            raise FileNotFoundError(f"no GPIO chip in {self._devices}, so there is no line {name}")
        raise FileNotFoundError(f"no GPIO chip has a line named {name}")

    @staticmethod
    def _open(path: Path) -> gpiod.Chip:
        try:
            return gpiod.Chip(str(path))
        except OSError as error:
            raise OSError(error.errno, f"{path} cannot be opened: {error.strerror}") from error

    def read(self, handle: gpiod.LineRequest, name: str) -> bool:
        with self._turn:
            return bool(handle.get_value(name) is gpiod.line.Value.ACTIVE)

    def write(self, handle: gpiod.LineRequest, name: str, high: bool) -> None:
        with self._turn:
            handle.set_value(name, gpiod.line.Value.ACTIVE if high else gpiod.line.Value.INACTIVE)

    def release(self, handle: gpiod.LineRequest) -> None:
        handle.release()


class GpiodFactory(LocalPiFactory):
    """Pins over `Lines`; nothing is claimed before a device is made."""

    def __init__(self, lines: Lines | None = None) -> None:
        super().__init__()
        self.pins: dict[Any, Any] = {}  # the parent shares one table among all factories of a process
        self.lines: Lines = lines or GpiodLines()
        self.pin_class = GpiodPin

    def _get_revision(self) -> int:
        return HEADER_OF


class GpiodPin(LocalPiPin):
    """One line. Its handle exists from the first use until `close`."""

    def __init__(self, factory: GpiodFactory, info: Any) -> None:
        super().__init__(factory, info)
        self._lines = factory.lines
        self._name = str(info.name)
        self._output = False
        self._pull_word = "floating"
        self._handle: Any = None
        self._stop: threading.Event | None = None

    def close(self) -> None:
        self._disable_event_detect()
        if self._handle is not None:
            self._lines.release(self._handle)
            self._handle = None

    def _claim(self, output: bool, pull: str) -> None:
        if self._handle is not None:
            self._lines.release(self._handle)
            self._handle = None
        self._handle = self._lines.claim(self._name, output, pull)
        self._output, self._pull_word = output, pull

    def _held(self) -> Any:
        if self._handle is None:
            self._claim(self._output, self._pull_word)
        return self._handle

    def _get_function(self) -> str:
        return "output" if self._output else "input"

    def _set_function(self, value: str) -> None:
        if value not in ("input", "output"):
            raise PinInvalidFunction(f"{self._name} cannot be {value}")
        self._claim(value == "output", "floating")

    def _get_state(self) -> bool:
        return self._lines.read(self._held(), self._name)

    def _set_state(self, value: Any) -> None:
        if not self._output:
            raise PinSetInput(f"{self._name} is an input")
        self._lines.write(self._held(), self._name, bool(value))

    def _get_pull(self) -> str:
        return self._pull_word

    def _set_pull(self, value: str) -> None:
        if self._output:
            raise PinFixedPull(f"{self._name} is an output")
        if value not in GpiodLines.BIAS:
            raise PinInvalidPull(f"{self._name} cannot be pulled {value}")
        self._claim(False, value)

    def _get_frequency(self) -> None:
        return None

    def _set_frequency(self, value: float | None) -> None:
        if value is not None:
            raise PinPWMUnsupported(f"{self._name} is on or off only")

    def _get_bounce(self) -> None:
        return None

    def _set_bounce(self, value: float | None) -> None:
        """Polling is slow enough to pass over a bounce."""

    def _get_edges(self) -> str:
        return "both"

    def _set_edges(self, value: str) -> None:
        """Always both."""

    def _enable_event_detect(self) -> None:
        self._stop = threading.Event()
        threading.Thread(target=self._poll, args=(self._stop,), name=f"poll {self._name}", daemon=True).start()

    def _disable_event_detect(self) -> None:
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def _poll(self, stop: threading.Event) -> None:
        before = self._get_state()
        while not stop.wait(POLL_S):
            with suppress(OSError):
                now = self._get_state()
                if now != before:
                    before = now
                    self._call_when_changed(self.factory.ticks(), now)


def lamp(bcm: int, factory: Any = None) -> Any:
    """A lamp (gpiozero LED), dark at first. `factory` None = the kernel's."""
    return LED(bcm, pin_factory=factory or GpiodFactory())


def button(bcm: int, factory: Any = None) -> Any:
    """The button (gpiozero Button): pulled up, pressed = low."""
    return Button(bcm, pull_up=True, pin_factory=factory or GpiodFactory())
