"""Candidate, commits and rollback on a real folder."""

from pathlib import Path

import pytest

from appliance import durable
from appliance.ports import Refused
from appliance.settings import table
from appliance.settings.load import load
from appliance.settings.parse import parse
from appliance.settings.schema import Settings
from appliance.settings.store import KEPT, Store
from appliance.settings.versions import newer, newest, place
from tests.fakes.clock import FakeClock


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> Store:
    (tmp_path / "outbox.toml").write_text("format = 1\n# by hand\n[dns]\ntimeout_s = 3.0\n")
    return Store(tmp_path / "outbox.toml", tmp_path / "settings", FakeClock())


def commit(store: Store, comment: str = "") -> None:
    store.adopt()
    store.write(table.write(store.candidate()), comment)
    store.discard()


def test_a_candidate_changes_nothing_until_it_is_committed(store: Store) -> None:
    store.assign("dns.timeout_s", "4")
    assert "timeout_s = 3.0" in store.running_text() and store.changed()
    assert store.compare() == ["- dns.timeout_s = 3", "+ dns.timeout_s = 4"]
    store.discard()
    assert store.compare() == [] and not store.changed()


def test_the_file_as_found_is_the_first_commit_and_rollback_finds_it(store: Store) -> None:
    store.assign("dns.timeout_s", "4")
    commit(store, "slower\x1b[2J")
    assert [each.comment for each in store.commits()][1] == "as found"
    assert store.commits()[0].comment.isprintable()
    store.rollback(1)
    assert store.compare() == ["- dns.timeout_s = 4", "+ dns.timeout_s = 3"]
    store.rollback(0)
    assert store.compare() == []
    with pytest.raises(Refused, match="commits 0 to 1"):
        store.rollback(2)


def test_a_file_changed_by_hand_can_be_rolled_back_to(store: Store) -> None:
    store.assign("dns.timeout_s", "4")
    commit(store)
    store.config.write_text("[dns]\ntimeout_s = 9\n")
    store.assign("dns.timeout_s", "5")
    commit(store)
    store.rollback(1)
    assert "+ dns.timeout_s = 9" in store.compare()


def test_fifty_commits_and_more_are_kept_and_then_the_oldest_go(store: Store) -> None:
    for number in range(1, KEPT + 5):
        store.write(f"format = 1\n# {number}\n", str(number))
    kept = store.commits()
    assert len(kept) == KEPT >= 51 and kept[0].comment == str(KEPT + 4) and kept[-1].comment == "5"


@pytest.mark.parametrize("broken", ["x = ", "[dns]\nservers = ['fish']\n", "\xff", "[dns]\nfish = 1"])
def test_a_broken_running_file_leaves_candidate_check_and_rollback_at_work(store: Store, broken: str) -> None:
    store.assign("dns.timeout_s", "4")
    commit(store)
    store.config.write_bytes(broken.encode("latin-1"))
    store.rollback(0)
    assert store.check() == () and store.compare()
    assert parse(table.write(store.candidate())) == store.good() != Settings()
    store.discard()
    store.assign("dns.attempts", "3")
    assert store.compare()


def test_damaged_history_is_left_out(store: Store, tmp_path: Path) -> None:
    commit(store)
    for name, text in (("00000007.json", "{"), ("00000008.json", "[]"), ("x.json", '{"at": 1}')):
        (tmp_path / "settings" / "commits" / name).write_text(text)
    assert len(store.commits()) == 2
    store.write("format = 1\n", "next")
    assert store.commits()[0].comment == "next"


def test_replacing_takes_a_whole_file_that_may_be_incomplete(store: Store) -> None:
    store.replace("[dns]\ntimeout_s = 7.0\nfish = 1\n[[relay]]\nname = 'isp'")
    assert "+ dns.timeout_s = 7" in store.compare()
    assert {each.key for each in store.check()} == {"dns.fish", "relay[1].host"}
    for text, words in (("x = ", "TOML text"), ("dns = 3", "dns = 3: should be a table"), ("[dns.deep]\nx=1", "deep")):
        with pytest.raises(Refused, match=words):
            store.replace(text)
    assert "+ dns.timeout_s = 7" in store.compare()


def test_a_file_is_old_or_new_and_has_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file"
    durable.write(path, b"one", 0o640)
    (path.parent / "file.new").write_bytes(b"half of a torn write")
    with path.open("rb") as old:
        durable.write(path, b"two")
        assert old.read() == b"one", "the old file is not written into"
    assert path.read_bytes() == b"two" and path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["file"]
    durable.remove(path)
    durable.remove(path)


def test_a_link_planted_beside_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "file.new").symlink_to(tmp_path / "precious")
    durable.write(tmp_path / "file", b"x")
    assert (tmp_path / "precious").read_text() == "precious" and not (tmp_path / "file").is_symlink()


def test_each_format_has_a_file_of_its_own_and_the_newest_known_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "outbox.toml"
    path.write_text("[dns]\ntimeout_s = 3.0")
    assert (place(path, 1), place(path, 2).name) == (path, "outbox.format2.toml")
    place(path, 2).write_text("format = 2\nwords = 'of a newer release'")
    place(path, 3).write_text("")
    assert newest(path, known=1) == path and newest(path, known=2) == place(path, 2) == newest(path, known=2)
    assert newer(path, known=1) == ["outbox.format2.toml", "outbox.format3.toml"] and newer(path, 2) == [
        "outbox.format3.toml"
    ]
    assert isinstance(load(path), Settings), "a newer file beside is not fatal"
