from pathlib import Path
from typing import Any

from appliance.delivery.bounces import Bounces
from appliance.spool.files import Files


def record(queue_id: str, at: float) -> dict[str, Any]:
    return {"id": queue_id, "recipient": "b@y.example", "reply": "550 no", "at": at}


def test_what_came_after_the_look_stays_to_be_seen(tmp_path: Path) -> None:
    bounces = Bounces(tmp_path, Files().append)
    bounces.add([record("Q1", 10.0), record("Q2", 20.0), record("Q3", 20.5)])
    assert bounces.acknowledge(20.0) == 2
    for each in (bounces, Bounces(tmp_path, Files().append)):
        assert [one["id"] for one in each.unread()] == ["Q3"]
    assert bounces.acknowledge() == 1 and bounces.count == 0
    assert Bounces(tmp_path, Files().append).unread() == []
