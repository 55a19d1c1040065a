"""Does what the button asked for: relay and steward are asked one after the other, in a thread of their own.

"short" acknowledges the bounces and makes all mail due; the rest are verbs of the steward's. Nothing raises: who does
not answer is asked again for AGAIN_S (the steward may still be starting), a refusal is logged. At most WAITING_MAX
presses wait.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

from appliance.interface.client import Unreachable, ask
from appliance.panel.presses import SHORT
from appliance.ports import Refused
from appliance.settings.schema import Settings

WAITING_MAX: Final = 4
ATTEMPTS: Final = 12
AGAIN_S: Final = 5.0
WAIT_S: Final = 10.0
log = logging.getLogger(__name__)


class Actions:
    """`settings` says where relay and steward are now; `done` is called, in this thread, after each that was done."""

    def __init__(
        self, settings: Callable[[], Settings], done: Callable[[], None], pause: Callable[[float], object] | None = None
    ) -> None:
        self._settings, self._done = settings, done
        self._stop = threading.Event()
        self._pause = pause or self._stop.wait
        self._queue: queue.Queue[str] = queue.Queue(WAITING_MAX)

    def start(self) -> None:
        threading.Thread(target=self._work, name="button", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def put(self, meaning: str) -> None:
        """A press has ended; see Presses."""
        try:
            self._queue.put_nowait(meaning)
        except queue.Full:
            log.warning("a press of the button was dropped: those before it are not done yet")

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                meaning = self._queue.get(timeout=0.5)
            except queue.Empty:
                continue
            if self.carry_out(meaning):
                self._done()

    def carry_out(self, meaning: str) -> bool:
        """Whether it was done."""
        control = self._settings().control
        if meaning == SHORT:
            return self._ask(control.socket, "acknowledge", 1) and self._ask(control.socket, "flush", 1)
        return self._ask(control.steward_socket, f"button.{meaning}", ATTEMPTS)

    def _ask(self, path: str, verb: str, attempts: int) -> bool:
        for attempt in range(1, attempts + 1):
            try:
                ask(path, verb, {}, WAIT_S)
                log.info("button: %s done", verb)
                return True
            except Refused as refused:
                log.warning("button: %s refused: %s", verb, refused)
                return False
            except Unreachable as trouble:
                log.warning("button: %s not done: %s", verb, trouble)
                if attempt < attempts and not self._stop.is_set():
                    self._pause(AGAIN_S)
        return False
