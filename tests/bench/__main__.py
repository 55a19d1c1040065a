"""`make bench`: the box beside Postfix on a modelled card, and a table of ratios. Needs root and a quiet machine.

Arguments: names of parts (rate bytes lone flush latency memory backlog); none = all. `--quick` measures less of each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench import measures
from tests.bench.machine import NO_DELAY, SLOW_CARD, Box, Mailer, Postfix, Sink, tidy
from tests.bench.measures import LARGE, SMALL, Row

PARTS = ("rate", "flush", "latency", "bytes", "memory", "backlog", "lone")
HEAD = "| measure | Postfix | Outbox | ratio | wanted | |\n|---|---|---|---|---|---|"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Table:
    rows: list[str] = field(default_factory=list)

    def add(self, what: str, row: Row, wanted: str, own: bool = False) -> None:
        """`wanted` is "<= x" or ">= x", of the ratio, or of the box's own number when `own`."""
        postfix, box = row.get("postfix", 0.0), row["outbox"]
        ratio = box / postfix if postfix else float("nan")
        relation, _, bound = wanted.partition(" ")
        value = box if own else ratio
        held = value <= float(bound) if relation == "<=" else value >= float(bound)
        wanted += " (own)" if own else ""
        line = f"| {what} | {postfix:.4g} | {box:.4g} | {ratio:.2f} | {wanted} | {'yes' if held else 'no'} |"
        self.rows.append(line)
        say(line)


class Bench:
    def __init__(self, quick: bool) -> None:
        self.table, self.quick = Table(), quick
        self.mailers: dict[str, Mailer] = {}
        tidy()
        self.sink = Sink()

    def start(self) -> None:
        for make in (Postfix, Box):
            mailer = make()
            self.mailers[mailer.name] = mailer
            mailer.start()
        for started in self.mailers.values():
            started.await_rest()

    def rate(self) -> None:
        seconds, rounds = (2.0, 3) if self.quick else (4.0, 5)
        for sessions, wanted in ((1, ">= 1.8"), (10, ">= 2.4"), (50, ">= 3.5")):
            rates, _ = measures.accepted(self.mailers, self.sink, SLOW_CARD, SMALL, sessions, seconds, rounds)
            self.table.add(f"accepted/s, 2 KB, 10 ms card, {sessions} sessions", rates, wanted)
        for delays, name, wanted in ((SLOW_CARD, "10 ms card", ">= 1.0"), (NO_DELAY, "no card delay", ">= 1.5")):
            rates, _ = measures.accepted(self.mailers, self.sink, delays, LARGE, 10, seconds, rounds)
            self.table.add(f"accepted/s, 1 MB, {name}, 10 sessions", rates, wanted)
        rates, processor = measures.accepted(self.mailers, self.sink, NO_DELAY, SMALL, 10, seconds, rounds)
        self.table.add("accepted/s, 2 KB, no card delay, 10 sessions", rates, ">= 1.0")
        self.table.add("processor seconds per 1000 relayed, 2 KB", processor, "<= 0.5")

    def flush(self) -> None:
        flushes, writes = measures.before_250(self.mailers, 5 if self.quick else 15)
        self.table.add("flushes before the 250, lone 2 KB", flushes, "<= 1", own=True)
        self.table.add("write requests before the 250, lone 2 KB", writes, "<= 2", own=True)

    def latency(self) -> None:
        rounds = 10 if self.quick else 30
        row = measures.latency(self.mailers, self.sink, SLOW_CARD, rounds)
        self.table.add("ms to the next server, idle, 2 KB, 10 ms card", row, "<= 0.5")

    def bytes(self) -> None:
        rounds = 1 if self.quick else 3
        small = measures.card_bytes(self.mailers, self.sink, SMALL, 50, 500, rounds)
        self.table.add("card bytes per 2 KB message, 50 sessions", small, "<= 0.30")
        large = measures.card_bytes(self.mailers, self.sink, LARGE, 10, 40, rounds)
        shares = {name: octets / LARGE for name, octets in large.items()}
        self.table.add("write amplification, 1 MB messages", shares, "<= 1.05", own=True)

    def memory(self) -> None:
        idle, peak = measures.memory(self.mailers, self.sink, 50, 10_000_000)
        self.table.add("MiB idle", idle, "<= 45", own=True)
        self.table.add("MiB, 50 sessions with 10 MB each", peak, "<= 80", own=True)

    def backlog(self) -> None:
        found = measures.backlog(self.mailers, self.sink, 10_000 if self.quick else 50_000)
        for name, seen in found.items():
            say(f"{name}: accepted/s by fifths {seen['fifths']}, {seen['held_mib']:.0f} MiB held")
        share = {name: min(seen["fifths"][1:]) / seen["fifths"][0] for name, seen in found.items()}
        self.table.add("backlog: slowest fifth / first fifth accepted", share, ">= 0.9", own=True)
        self.table.add("backlog: seconds to start", {n: s["start_s"] for n, s in found.items()}, "<= 3", own=True)
        self.table.add("backlog: drained/s", {n: s["drained"] for n, s in found.items()}, ">= 1.0")

    def lone(self) -> None:
        count, every_s = (5, 8) if self.quick else (10, 8)
        row = measures.lone_bytes(self.mailers, count, every_s, 66)
        self.table.add("card bytes per lone 2 KB message, real time, commit=60", row, "<= 0.16")

    def close(self) -> None:
        for mailer in self.mailers.values():
            mailer.close()
        self.sink.close()
        tidy()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    bench = Bench(chosen.quick)
    try:
        bench.start()
        for part in chosen.parts or PARTS:
            measure: Callable[[], None] = getattr(bench, part)
            measure()
    finally:
        bench.close()
    say("\n".join(["", HEAD, *bench.table.rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
