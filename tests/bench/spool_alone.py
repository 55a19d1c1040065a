"""The spool by itself: commits a second on a 10 ms card (a wait in place of the flush), and a start with 50,000 items.

    python -m tests.bench.spool_alone

Prints figures and asserts none: they depend on the machine and its load.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from appliance.clock import SystemClock
from appliance.core.envelope import Arrival, Envelope, Recipient
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.settings.schema import SpoolSettings
from appliance.spool.files import Files
from appliance.spool.journal import JournalSpool, open_spool

ENVELOPE = Envelope(Mailbox("scanner", "x.example"), (Recipient(Mailbox("someone", "y.example")),))
ARRIVAL = Arrival(time.time(), "192.0.2.7", "scanner", subject="Scan", message_id="<1@x.example>")
CONTENT = b"x" * 2000
BACKLOG = 50_000


class SlowCard(Files):
    def sync(self, handle: int) -> None:
        time.sleep(0.010)


def opened(folder: str, files: Files | None = None) -> JournalSpool:
    settings = SpoolSettings(directory=folder, ready_bytes=64 << 20, free_min_bytes=0)
    return open_spool(settings, SystemClock(""), files)


async def fill(spool: JournalSpool, clients: int, each: int) -> None:
    async def client(number: int) -> None:
        for count in range(each):
            draft = spool.draft(f"{number}-{count}")
            assert not isinstance(draft, Reply), draft
            await draft.write(CONTENT)
            reply = await draft.commit(ENVELOPE, ARRIVAL)
            assert reply.positive, reply

    await asyncio.gather(*map(client, range(clients)))


async def accepted(clients: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = opened(folder, SlowCard())
        await spool.start()
        while spool.facts().ready_bytes < 32 << 20:
            await asyncio.sleep(0.1)
        wall, processor = time.perf_counter(), time.process_time()
        await fill(spool, clients, 50)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        count = clients * 50
        print(f"{clients} clients: {count / wall:.0f} commits/s, {processor / count * 1e6:.0f} us processor each")  # noqa: T201
        await spool.stop()


async def backlog(folder: str) -> None:
    spool = opened(folder)
    await spool.start()
    await fill(spool, 100, BACKLOG // 100)
    await spool.stop()


def restart(folder: str) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    spool = opened(folder)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"start with {len(spool.places)}: {wall:.2f} s, processor {processor:.2f} s, process {memory} MiB")  # noqa: T201


def main() -> None:
    if len(sys.argv) > 1:
        restart(sys.argv[1])
        return
    for clients in (1, 10, 50):
        asyncio.run(accepted(clients))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(backlog(folder))
        subprocess.run([sys.executable, "-m", "tests.bench.spool_alone", str(Path(folder))], check=True)


if __name__ == "__main__":
    main()
