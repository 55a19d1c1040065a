"""A spool in memory with real answers: it keeps what was committed, and refuses as it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from appliance.core.envelope import Arrival, Envelope
from appliance.core.item import QueueItem
from appliance.core.reply import Reply


@dataclass
class Kept:
    queue_id: str
    envelope: Envelope
    arrival: Arrival
    content: bytes


@dataclass
class MemorySpool:
    """`refuse_draft`, `refuse_write` and `refuse_commit` are the Reply to give instead; `explode` raises in commit;
    `largest_write` is the biggest piece that came, `written` all octets of drafts, kept or not."""

    kept: list[Kept] = field(default_factory=list)
    refuse_draft: Reply | None = None
    refuse_write: Reply | None = None
    refuse_commit: Reply | None = None
    explode: bool = False
    slow: asyncio.Event | None = None
    written: int = 0
    largest_write: int = 0
    drafts_open: int = 0
    keep_content: bool = True

    def draft(self, queue_id: str, expected_bytes: int = 0) -> MemoryDraft | Reply:
        if self.refuse_draft is not None:
            return self.refuse_draft
        self.drafts_open += 1
        return MemoryDraft(self, queue_id)


class MemoryDraft:
    def __init__(self, spool: MemorySpool, queue_id: str) -> None:
        self._spool, self.queue_id = spool, queue_id
        self._parts: list[bytes] = []
        self.size_bytes = 0
        self._done = False

    async def write(self, octets: bytes) -> Reply | None:
        assert not self._done, "write after the end"
        self._spool.largest_write = max(self._spool.largest_write, len(octets))
        self._spool.written += len(octets)
        if self._spool.refuse_write is not None:
            return self._spool.refuse_write
        self.size_bytes += len(octets)
        if self._spool.keep_content:
            self._parts.append(octets)
        return None

    async def commit(self, envelope: Envelope, arrival: Arrival, header: bytes = b"") -> Reply:
        if self._spool.slow is not None:
            await self._spool.slow.wait()
        if self._spool.explode:
            raise RuntimeError("a bug in the spool")
        if self._spool.refuse_commit is not None:
            return self._spool.refuse_commit
        self.abandon()
        self._spool.kept.append(Kept(self.queue_id, envelope, arrival, header + b"".join(self._parts)))
        return Reply(250, "2.0.0", f"queued as {self.queue_id}")

    def abandon(self) -> None:
        if not self._done:
            self._done = True
            self._spool.drafts_open -= 1


@dataclass
class MemoryQueue:
    items: list[QueueItem] = field(default_factory=list)

    def accepted(self, item: QueueItem) -> None:
        self.items.append(item)
