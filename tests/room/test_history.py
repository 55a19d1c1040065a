from pathlib import Path

from appliance.spool.files import Files
from appliance.spool.history import FileHistory
from tests.fakes.clock import FakeClock


def test_history_is_batched_searched_bounded_and_survives(tmp_path: Path) -> None:
    clock = FakeClock()
    history = FileHistory(tmp_path, 30, 65536, clock)
    history.add({"id": "Q1", "to": "b@y.example"})
    assert not (tmp_path / "history.jsonl").exists()
    clock.pass_by(181)
    history.add({"id": "Q2", "to": "c@y.example"})
    again = FileHistory(tmp_path, 30, 65536, clock)
    assert [entry["id"] for entry in again.search("Y.EXAMPLE")] == ["Q2", "Q1"]
    assert [entry["id"] for entry in again.search("b@")] == ["Q1"]
    clock.pass_by(31 * 86400)
    assert again.search() == []
    again.erase()
    assert FileHistory(tmp_path, 30, 65536, clock).search() == []


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(
        '{"at": 1800000000, "id": "A"}\n{broken\n7\n{"at": 1800000001, "id": "B"}\n'
    )
    assert [entry["id"] for entry in FileHistory(tmp_path, 30, 65536, FakeClock()).search()] == ["B", "A"]


def test_a_line_that_a_full_card_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path, files = tmp_path / "lines", Files()
    path.write_bytes(b'{"a":1}\n{"b"')
    files.append(path, b'{"c":3}\n')
    files.append(path, b'{"d":4}\n', flush=True)
    assert path.read_bytes() == b'{"a":1}\n{"b"\n{"c":3}\n{"d":4}\n'
