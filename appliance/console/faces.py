"""Where the two halves of the console meet: the line (session, editor, terminal) and the words (grammar, commands).

The line knows bytes, keys, passwords and idleness and no command; the words know commands and no byte. One `Shell` is
made for each login by `shell.Commands(places)` and asked by one thread only. `Gone` ends a session from within any
call of `Terminal`: a shell lets it pass (with `finally` where it must tidy up), and never catches it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Gone(Exception):
    """Nobody is at the other end: the line was lost, or silent for too long."""


@dataclass(frozen=True, slots=True)
class Places:
    """Whom the shell talks to: the Unix sockets of the relay and of the steward. Either may be dead at any time."""

    relay_socket: str
    steward_socket: str


class Terminal(Protocol):
    """The person at the line, as a command sees him. All text is cleaned here: control characters never get through.
    Any call may raise Gone."""

    width: int  # columns
    ascii: bool  # the terminal knows only 7 bits: é shows as e, what has no such likeness as ?
    length: int  # lines of a page, 0 = no `--More--`; `terminal length N` sets it for this session

    def say(self, text: str) -> None:
        """Print one or several lines (split at "\\n"), at once and without paging."""

    def page(self, lines: Iterable[str]) -> None:
        """Print lines with `--More--` after each page; returns early when the person has seen enough. Lines are taken
        from the iterable only as they are shown."""

    def ask(self, prompt: str, secret: bool = False) -> str | None:
        """One line typed after `prompt`, without its end; `secret` is neither echoed nor kept in the history. None
        when the person gave up (^C, or ^D on an empty line)."""

    def paste(self, end: str = ".") -> str | None:
        """Lines until one that is `end` (blanks around it do not matter), or ^D; each ends with "\\n", `end` is left
        out. None when the person gave up (^C) or sent more than 256 KiB."""

    def confirm(self, question: str) -> bool:
        """`question [y/N] `; anything but y or yes is no."""

    def interrupted(self, wait_s: float = 0.0) -> bool:
        """Whether ^C was typed; waits up to `wait_s` seconds for it (a command's way to pause). Other bytes typed
        meanwhile are kept for the next question."""


class Shell(Protocol):
    """What answers the lines typed after the login. Nothing here raises except Gone: trouble is said in words."""

    def banner(self) -> list[str]:
        """Shown before the login and to everybody who plugs in: no mailbox, no secret."""

    def prompt(self) -> str:
        """Such as "outbox> "; asked for before each line."""

    def run(self, line: str, io: Terminal) -> bool:
        """Do what `line` says; False = log out."""

    def complete(self, line: str) -> tuple[str, list[str]]:
        """For Tab after `line` (all before the cursor): the text to append, and the candidates to list when there are
        several (then the text is what they have in common, perhaps "")."""

    def help(self, line: str) -> list[str]:
        """For `?` after `line`: one line of help for each word that may come next."""
