"""One visit at a serial line: a key wakes it, the banner, the password, commands until the logout.

Nothing is shown to a silent line but one sentence, so that noise and a line that echoes wake nobody for long. It needs
neither relay nor settings; without the steward there is a banner and the reason why nobody can log in. A bug in a
command is logged and costs that command only. Raises Lost when the line goes away; silence and ^D end the visit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from appliance.console.faces import Gone, Shell
from appliance.console.gate import Gate
from appliance.console.terminal import Idle, LineTerminal
from appliance.interface.client import Unreachable
from appliance.ports import Refused

LOGIN_IDLE_S: Final = 60.0
TRIES: Final = 3
TROUBLE_S: Final = 3.0
INVITATION: Final = "Outbox: press Enter to begin."
TROUBLE: Final = "Trouble inside the console, noted in its log. The command may be half done."
NO_STEWARD: Final = """\
The part of the box that keeps the password does not answer: nobody can log in now.
Please try again in a minute; if that does not help, pull the plug and put it
back. Mail that was accepted is safe."""
FIRST: Final = """\
No password is set yet. Please choose one, at least 8 characters:
it guards this console and the page."""
log = logging.getLogger(__name__)


class Session:
    """`idle_s`: silence after which a command line logs out, 0 = never."""

    def __init__(self, io: LineTerminal, gate: Gate, shell: Callable[[], Shell], idle_s: float) -> None:
        self._io, self._gate, self._make_shell, self._idle_s = io, gate, shell, idle_s

    def visit(self, over: Callable[[], bool]) -> None:
        """Wait for a person and serve her until she leaves. Returns early when `over()` while nobody is there."""
        self._io.say("\n" + INVITATION)
        while not self._io.listen():
            if over():
                return
        shell = self._make_shell()
        self._io.say("\n".join(_asked(shell.banner, ["Outbox", TROUBLE])))
        try:
            self._io.idle_s = LOGIN_IDLE_S
            if self._login():
                self._io.idle_s = self._idle_s
                self._commands(shell)
        except Idle:
            silent_s = self._io.idle_s
            self._io.say(f"\nLogged out after {_span(silent_s)} of silence.")
        self._io.idle_s = 0.0

    # -- the password

    def _login(self) -> bool:
        try:
            return self._password() if self._gate.exists() else self._first_password()
        except Gone:
            raise
        except Refused as refused:
            self._io.say(str(refused))
        except Exception as trouble:
            if not isinstance(trouble, Unreachable):
                log.exception("a bug in the login")
            self._io.say(NO_STEWARD)
        self._io.ignore(TROUBLE_S)
        return False

    def _password(self) -> bool:
        for _ in range(TRIES):
            self._pause()
            password = self._io.ask("Password: ", secret=True)
            if not password:
                return False
            if self._gate.check(password):
                log.info("console login")
                return True
            log.warning("console login refused: wrong password")
            self._io.say("Wrong password.")
        self._pause()
        return False

    def _pause(self) -> None:
        pause_s = self._gate.pause_s()
        if pause_s > 2:
            self._io.say(f"Please wait {_span(pause_s)}.")
        if pause_s:
            idle_s, self._io.idle_s = self._io.idle_s, 0.0
            self._io.ignore(pause_s)
            self._io.idle_s = idle_s

    def _first_password(self) -> bool:
        self._io.say(FIRST)
        while True:
            password = self._io.ask("New password: ", secret=True)
            if not password:
                return False
            if self._io.ask("Once more: ", secret=True) != password:
                self._io.say("The two differ.")
                continue
            try:
                self._gate.set(password)
            except Refused as refused:
                self._io.say(str(refused))
            else:
                log.info("console password set for the first time")
                self._io.say("The password is set.")
                return True

    # -- commands

    def _commands(self, shell: Shell) -> None:
        while (line := self._command(shell)) is not None:
            if line.strip() and not self._run(shell, line):
                return

    def _command(self, shell: Shell) -> str | None:
        """What was typed, None to log out: also after a bug in what the prompt, Tab or `?` show, since it might come
        again at once."""
        try:
            return self._io.command(shell)
        except Gone:
            raise
        except Exception:
            log.exception("a bug in what the console shows")
            self._io.say("\n" + TROUBLE)
            return None

    def _run(self, shell: Shell, line: str) -> bool:
        try:
            return shell.run(line, self._io)
        except Gone:
            raise
        except Exception:
            log.exception("a bug in the command %s", line.split(maxsplit=1)[0])
            self._io.say(TROUBLE)
            return True


def _asked(question: Callable[[], list[str]], instead: list[str]) -> list[str]:
    try:
        return question()
    except Exception:
        log.exception("a bug in what the console shows")
        return instead


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    words = [f"{minutes} min"] if minutes else []
    return " ".join([*words, f"{rest} s"] if rest or not words else words)
