"""When, how and through which lane a recipient is tried next: arithmetic on its progress, the settings and the clock.

Waits are monotonic and never longer than the longest setting, whatever the wall clock does. Nothing here changes
anything.
"""

from __future__ import annotations

from appliance.core.item import Progress
from appliance.core.plan import Step, Via, next_step, wait_s
from appliance.delivery.attempt import relays_of, row_of
from appliance.delivery.lanes import Pace
from appliance.ports import Clock
from appliance.settings.schema import Settings


class Timetable:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._relays = relays_of(settings)

    def step(self, row: Progress) -> Step:
        """Direct, through a relay, or no more."""
        return next_step(row_of(self._settings, row), len(self._relays), row)

    def due_at(self, queue_id: str, row: Progress) -> float:
        """Monotonic. The time already waited counts only as far as the wall clock makes sense."""
        now = self._clock.monotonic()
        if row.reply is None:
            return now
        delay = self._delay_s(queue_id, row)
        waited = min(max(self._clock.wall() - row.at, 0.0), delay) if row.at and self._clock.known() else 0.0
        return now + delay - waited

    def _delay_s(self, queue_id: str, row: Progress) -> float:
        domain = row_of(self._settings, row)
        if row.unknown_domain_at:
            return min(self._settings.delivery.lab_second_look_s, domain.retry_longest_s)
        first = self._relays[row.relay_attempts % len(self._relays)].retry_first_s if self._relays else 0.0
        return wait_s(domain, len(self._relays), row, queue_id, first)

    def lane(self, row: Progress, step: Step) -> tuple[str, Pace]:
        """The name and the throttles of the lane for that step."""
        domain = row_of(self._settings, row)
        hop = self._relays[step.relay] if isinstance(step, Via) else domain
        name = f"relay {hop.name}" if isinstance(step, Via) else row.recipient.mailbox.domain
        return name, Pace(
            hop.connections_max, hop.messages_in_a_row, hop.pause_s, hop.retry_first_s, domain.retry_longest_s
        )
