"""The console on a real pseudo-terminal, through pyserial at both ends."""

import os
import select
import socket
import time
import tty
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.clock import SystemClock
from appliance.console.gate import Gate
from tests.fakes.passwords import Passwords
from tests.fakes.shell import FakeShell
from tests.room.line import QUIET_S, WAIT_S, console, keeping, steps

GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "console").glob("*.txt"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_dialogue_is_echoed_octet_by_octet_as_written_down(path: Path, tmp_path: Path) -> None:
    golden = path.read_text()
    with console(tmp_path, None if "# password: none" in golden else "open sesame") as (caller, _):
        for typed, expected in steps(golden):
            caller.type(typed)
            assert caller.read(len(expected)) == expected
        assert caller.read(1, QUIET_S) == b""


def test_a_long_command_ends_at_ctrl_c_and_other_keys_wait_for_the_prompt(tmp_path: Path) -> None:
    with console(tmp_path) as (caller, _):
        caller.login()
        caller.type(b"slow 30\r")
        caller.until(b"slow 30\r\n")
        caller.type(b"\x03hello\r")
        assert caller.until(b"you said hello\r\nbox> ").startswith(b"interrupted\r\nbox> hello\r\n")
        caller.type(b"slow 0.3\rhello\r")
        assert caller.until(b"you said hello\r\nbox> ").startswith(b"slow 0.3\r\ndone\r\nbox> hello\r\n")


def test_noise_nuls_and_floods_are_harmless(tmp_path: Path) -> None:
    with console(tmp_path) as (caller, shell):
        caller.until(b"begin.\r\n")
        caller.type(bytes(range(0x0E, 0x100)) * 20 + b"\0" * 5000)  # nobody is woken
        assert caller.read(1, QUIET_S) == b""
        caller.login(invited=True)
        caller.type(b"\0" * 20000 + b"\x1b[" + b"9" * 3000 + b"\x03")
        assert b"\0" not in caller.until(b"box> ")
        caller.type(b"x" * 8192 + b"\r")
        assert b"That line is longer than 4096 characters: nothing was done with it.\r\n" in caller.until(b"\nbox> ")
        caller.type(b"hello\r")
        caller.until(b"you said hello\r\nbox> ")
        assert shell.ran == ["hello"]


def test_a_2_kb_configuration_is_taken_at_9600_baud_in_under_3_s(tmp_path: Path) -> None:
    text = "".join(f"set device printer-{number:02} network 192.0.2.{number} name Drucker\r" for number in range(41))
    with console(tmp_path, rate=960) as (caller, _):
        caller.login()
        caller.type(b"paste\r")
        caller.until(b"paste\r\n")
        begun_at = time.monotonic()
        caller.type(text.encode() + b".\r")
        came = caller.until(b"box> ")
        took_s = time.monotonic() - begun_at
    assert len(text) > 2048
    assert came.startswith(text.replace("\r", "\r\n").encode())
    assert len(came) <= len(text) + 41 + 50
    assert len(came) / 960 < 3  # the line's own time, which is what the console decides
    assert took_s < 8  # this machine may be busy; it takes 2.6 s when it is not


def test_two_lines_are_served_at_once_and_an_adapter_may_vanish_and_return(tmp_path: Path) -> None:
    passwords, shell, link = Passwords(tmp_path / "steward"), FakeShell(), tmp_path / "adapter"
    gate = Gate(passwords.path, SystemClock())
    with console(tmp_path) as (other, _), keeping(str(link), tmp_path, gate, shell):
        other.login()
        for visit in ("first", "second"):
            master, slave = os.openpty()
            tty.setraw(slave)
            link.unlink(missing_ok=True)
            link.symlink_to(os.ttyname(slave))
            wait_for(master, b"press Enter to begin.\r\n")
            os.close(slave)
            os.write(master, b"\r")
            wait_for(master, b"Password: ")  # whoever was logged in is logged out
            os.write(master, b"open sesame\r")
            wait_for(master, b"box> ")
            os.write(master, visit.encode() + b"\r")
            wait_for(master, f"you said {visit}\r\nbox> ".encode())
            os.close(master)
        other.type(b"still here\r")
        other.until(b"you said still here\r\nbox> ")
        link.unlink()
    passwords.close()


def test_a_line_may_be_any_url_of_pyserial(tmp_path: Path) -> None:
    passwords, shell = Passwords(tmp_path / "steward"), FakeShell()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with keeping(url, tmp_path, Gate(passwords.path, SystemClock()), shell):
            for visit in ("first", "second"):  # the other end goes away and comes back
                peer = server.accept()[0]
                peer.settimeout(10)
                for typed, answer in (
                    ("", "begin."),
                    ("\r", "Password: "),
                    ("open sesame\r", "box> "),
                    (visit + "\r", "you"),
                ):
                    peer.sendall(typed.encode())
                    hear(peer, answer)
                peer.close()
            server.close()
    passwords.close()
    assert shell.ran == ["first", "second"]


def hear(peer: socket.socket, words: str) -> None:
    got = ""
    while words not in got:
        piece = peer.recv(4096)
        assert piece, got
        got += piece.decode()


def wait_for(master: int, end: bytes) -> None:
    got = b""
    while not got.endswith(end):
        assert select.select([master], [], [], WAIT_S)[0], got
        got += os.read(master, 4096)


@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([b"long 90\r", b"name\r", b"paste\r", b"secret\r"]))))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_random_octets_the_console_still_answers(
    tmp_path_factory: pytest.TempPathFactory, noise: list[bytes]
) -> None:
    with console(tmp_path_factory.mktemp("box")) as (caller, _):
        caller.login()
        caller.type(b"".join(noise))
        caller.type(b"\x03q\x03")  # out of a pager, a question, a paste
        caller.read(1 << 20, 0.3)
        if b"\x04" in b"".join(noise):
            return  # logged out
        caller.type(b"\x03\x15hello\r")
        came = caller.until(b"you said hello\r\nbox> ")
        assert not set(came) & (set(range(0x20)) - set(b"\r\n\b")) and b"\x7f" not in came


def test_wrong_speed_in_the_settings_is_taken_up_while_nobody_is_logged_in(tmp_path: Path) -> None:
    with console(tmp_path) as (caller, _):
        caller.until(b"begin.\r\n")
        (tmp_path / "settings.toml").write_text("format = 1\n[console]\nspeed = 9600\n")
        caller.until(b"Outbox: press Enter to begin.\r\n")  # opened anew
        (tmp_path / "settings.toml").write_text("format = 1\n[console]\nspeed = 'fast'\n")
        caller.login(invited=True)
