"""The button is asked by two threads; the library keeps a request's arguments in one place."""

import threading
import time
from typing import Any

from gpiod.line import Value

from appliance.panel.gpiod_factory import GpiodLines


class Request:
    """Like gpiod's: wrong when it is entered twice at once."""

    def __init__(self) -> None:
        self._busy = threading.Lock()

    def get_value(self, name: str) -> Value:
        if not self._busy.acquire(blocking=False):
            raise ValueError(22, "Invalid argument")
        time.sleep(0.001)
        self._busy.release()
        return Value.ACTIVE


def test_two_threads_never_ask_a_request_at_once() -> None:
    lines, trouble = GpiodLines(), []
    request: Any = Request()

    def ask() -> None:
        for _ in range(20):
            try:
                lines.read(request, "GPIO5")
            except ValueError as error:
                trouble.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert trouble == []
