"""The small terminal program: what is typed goes to the line, what comes from it is shown, ^] leaves."""

import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from appliance.console.attach import demo_console
from appliance.pretend.null_modem import NullModem
from tests.room.line import console

PROGRAM = "import sys; from appliance.console.attach import attach; attach(sys.argv[1], 115200)"


def test_a_persons_terminal_becomes_the_lines_terminal(tmp_path: Path) -> None:
    with console(tmp_path) as (caller, _):
        caller.until(b"begin.\r\n")
        path = str(caller.port.port)
        caller.port.close()
        with pexpect.spawn(sys.executable, ["-c", PROGRAM, path], timeout=30) as terminal:
            terminal.expect("Password: ")
            terminal.send("open sesame\r")
            terminal.expect("box> ")
            terminal.send("hello\x1b[D\x7fL\r")
            terminal.expect("you said helLo")
            terminal.send("\x1d")
            terminal.expect("Left.")
            terminal.expect(pexpect.EOF)


def test_a_script_may_be_piped_through_it() -> None:
    modem = NullModem()
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, modem.ends[0]],
        input=b"show status\r",
        capture_output=True,
        timeout=30,
        check=True,
    )
    modem.close()
    assert ran.stdout == b""
    assert b"^] leaves" in ran.stderr


def test_the_newest_demo_of_this_user_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="outbox demo"):
        demo_console()
    target = tmp_path / "device"
    target.touch()
    (tmp_path / "outbox-demo-x").mkdir()
    (tmp_path / "outbox-demo-x" / "console").symlink_to(target)
    assert demo_console() == str(tmp_path / "outbox-demo-x" / "console")
