"""How many items are in which phase, counted as they change, so that asking costs nothing with 50,000 of them."""

from __future__ import annotations

from appliance.core.item import Phase, QueueItem


class Census:
    """`note` after each change of an item, `forget` when it leaves the queue; both may be repeated."""

    def __init__(self) -> None:
        self._phases: dict[str, Phase] = {}
        self.counts = dict.fromkeys(Phase, 0)

    def note(self, item: QueueItem) -> None:
        now, before = item.phase, self._phases.get(item.queue_id)
        if now is not before:
            self.forget(item.queue_id)
            self._phases[item.queue_id] = now
            self.counts[now] += 1

    def forget(self, queue_id: str) -> None:
        before = self._phases.pop(queue_id, None)
        if before is not None:
            self.counts[before] -= 1
