"""Log lines: one write for each turn of the loop, none lost at the end, at once without a loop."""

import asyncio
import io
import logging

from appliance.linelog import LineHandler


class Counting(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, text, (), None)


def test_without_a_loop_each_line_is_written_at_once() -> None:
    stream = Counting()
    handler = LineHandler(stream)
    handler.handle(record("one"))
    assert stream.getvalue() == "one\n"


async def test_the_lines_of_one_turn_are_one_write() -> None:
    stream = Counting()
    handler = LineHandler(stream)
    for text in ("one", "two", "three"):
        handler.handle(record(text))
    await asyncio.sleep(0)
    assert stream.getvalue() == "one\ntwo\nthree\n" and stream.writes == 1


async def test_the_end_of_logging_writes_what_is_left() -> None:
    stream = Counting()
    handler = LineHandler(stream)
    handler.handle(record("last words"))
    handler.flush()
    assert stream.getvalue() == "last words\n"
