"""What is measured. Each function drives both mailers in turn (Postfix, box, Postfix, box …), so that a busy machine
disturbs both alike, and returns for each mailer's name a number per message, second or MiB."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.bench.machine import NO_DELAY, SLOW_CARD, Mailer, Sink, Talk, inject, lone

SMALL, LARGE = 2048, 1 << 20
Row = dict[str, float]
Mailers = dict[str, Mailer]


def in_turn(mailers: Mailers, rounds: int, measure: Callable[[Mailer], float]) -> Row:
    """Medians of `rounds`; one more goes before, unmeasured."""
    seen: dict[str, list[float]] = {name: [] for name in mailers}
    for turn in range(rounds + 1):
        for name, mailer in mailers.items():
            value = measure(mailer)
            if turn:
                seen[name].append(value)
    return {name: statistics.median(values) for name, values in seen.items()}


def accepted(
    mailers: Mailers, sink: Sink, delays: tuple[int, int, int], size: int, sessions: int, seconds: float, rounds: int
) -> tuple[Row, Row]:
    """Accepted a second, and processor seconds for 1000 relayed messages. A run lasts about `seconds`."""
    counts = dict.fromkeys(mailers, max(sessions * 2, 20))
    processor: dict[str, list[float]] = {name: [] for name in mailers}

    def measure(mailer: Mailer) -> float:
        mailer.card.delays(delays)
        before, taken, count = mailer.group.processor_s(), sink.taken(), counts[mailer.name]
        rate = inject(mailer.port, count, size, sessions)
        sink.await_count(taken + count)
        time.sleep(0.3)
        processor[mailer.name].append((mailer.group.processor_s() - before) / count * 1000)
        mailer.card.delays(NO_DELAY)
        counts[mailer.name] = int(min(200 if size >= LARGE else 5000, max(sessions * 2, 10, rate * seconds)))
        return rate

    rates = in_turn(mailers, rounds, measure)
    return rates, {name: statistics.median(values[1:]) for name, values in processor.items()}


def card_bytes(mailers: Mailers, sink: Sink, size: int, sessions: int, count: int, rounds: int) -> Row:
    """Octets written for each message, from acceptance to removal, all written back."""

    def measure(mailer: Mailer) -> float:
        mailer.card.delays(SLOW_CARD)
        before, taken = mailer.card.count(), sink.taken()
        inject(mailer.port, count, size, sessions)
        sink.await_count(taken + count)
        time.sleep(6)  # what is recorded late is recorded by now
        mailer.card.delays(NO_DELAY)
        return (mailer.card.count() - before).octets / count

    return in_turn(mailers, rounds, measure)


def lone_bytes(mailers: Mailers, count: int, every_s: float, settle_s: float) -> Row:
    """Octets written for each lone small message in real time, the cards mounted as on the box (systemd/data.mount)."""
    for mailer in mailers.values():
        mailer.card.remount("noatime,lazytime,commit=60")
        mailer.card.delays(SLOW_CARD)
        lone(mailer.port, SMALL)
    time.sleep(8)
    for mailer in mailers.values():
        mailer.card.write_back()
    before = {name: mailer.card.count() for name, mailer in mailers.items()}
    for _ in range(count):
        for mailer in mailers.values():
            lone(mailer.port, SMALL)
        time.sleep(every_s)
    time.sleep(settle_s)
    found = {name: (mailer.card.count() - before[name]).octets / count for name, mailer in mailers.items()}
    for mailer in mailers.values():
        mailer.card.remount("noatime,nolazytime,commit=5")
        mailer.card.delays(NO_DELAY)
    return found


def before_250(mailers: Mailers, rounds: int) -> tuple[Row, Row]:
    """Flushes and write requests between the content of a lone small message and its 250."""
    writes: dict[str, list[float]] = {name: [] for name in mailers}

    def measure(mailer: Mailer) -> float:
        talk = Talk(mailer.port)
        talk.begin()
        mailer.card.delays(SLOW_CARD)
        before = mailer.card.count()
        talk.content(SMALL)
        seen = mailer.card.count() - before
        talk.close()
        writes[mailer.name].append(seen.writes)
        time.sleep(0.3)
        mailer.card.delays(NO_DELAY)
        return seen.flushes

    flushes = in_turn(mailers, rounds, measure)
    return flushes, {name: statistics.median(values[1:]) for name, values in writes.items()}


def latency(mailers: Mailers, sink: Sink, delays: tuple[int, int, int], rounds: int) -> Row:
    """Milliseconds from connecting to an idle mailer until the next server has the message."""

    def measure(mailer: Mailer) -> float:
        mailer.card.delays(delays)
        taken, begun = sink.taken(), time.monotonic()
        lone(mailer.port, SMALL)
        sink.await_count(taken + 1)
        found = (sink.last_at() - begun) * 1000
        time.sleep(0.2)
        mailer.card.delays(NO_DELAY)
        return found

    return in_turn(mailers, rounds, measure)


def memory(mailers: Mailers, sink: Sink, sessions: int, size: int) -> tuple[Row, Row]:
    """MiB after a start, and at most while `sessions` clients send a message of `size` each."""
    idle, peak = {}, dict.fromkeys(mailers, 0.0)
    for name, mailer in mailers.items():
        mailer.stop()
        mailer.start()
        time.sleep(1)
        idle[name] = mailer.group.memory_mib()
        taken = sink.taken()
        load = threading.Thread(target=inject, args=(mailer.port, sessions, size, sessions))
        load.start()
        while load.is_alive() or sink.taken() < taken + sessions:
            peak[name] = max(peak[name], mailer.group.memory_mib())
            time.sleep(0.1)
        load.join()
    return idle, peak


def backlog(mailers: Mailers, sink: Sink, total: int) -> dict[str, dict[str, Any]]:
    """The next server is away: accepted a second by fifths; seconds of a new start; drained a second."""
    found: dict[str, dict[str, Any]] = {}
    for name, mailer in mailers.items():
        sink.close()
        fifths = [round(inject(mailer.port, total // 5, SMALL, 10)) for _ in range(5)]
        mailer.stop()
        start_s = mailer.start()
        time.sleep(3)
        held_mib = mailer.group.memory_mib()
        taken = sink.taken()
        sink.start()
        begun = time.monotonic()
        mailer.flush()
        sink.await_count(taken + total // 5 * 5, 600)
        drained = total // 5 * 5 / (sink.last_at() - begun)
        found[name] = {"fifths": fifths, "start_s": start_s, "held_mib": held_mib, "drained": drained}
        time.sleep(6)
    return found
