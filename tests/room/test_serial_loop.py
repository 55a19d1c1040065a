"""The loop-back check of the self-test on a pseudo-terminal whose far end gives back, loses or spoils octets."""

import os
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from appliance import selftest


@contextmanager
def plug(change: Callable[[bytes], bytes]) -> Iterator[str]:
    """The path of a line; what is written to it comes back through `change`."""
    far, near = os.openpty()
    tty.setraw(near)

    def serve() -> None:
        try:
            while octets := os.read(far, 1024):
                os.write(far, change(octets))
        except OSError:
            return  # the near end is gone

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(near)
    finally:
        os.close(near)
        thread.join(5)
        os.close(far)


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (lambda octets: octets, 0, "1024 octets at 115200 baud, 0 wrong"),
        (lambda octets: octets.replace(b"\x07", b"\x08"), 1, "wrong"),
        (lambda octets: b"", 1, "nothing came back"),
    ],
    ids=["good", "spoilt", "no plug"],
)
def test_the_loop_plug_gives_back_what_was_sent(change: Callable[[bytes], bytes], status: int, words: str) -> None:
    said: list[str] = []
    with plug(change) as path:
        bench = selftest.Bench(serial=path, speeds=(115200,), say=said.append)
        assert selftest.walk(bench, ["serial"]) == status
    assert words in said[0]
