"""What a command gets to work with: the person, the typed arguments, and the box behind its two sockets.

`Box` asks relay and steward; it raises Dead when one of them does not answer and lets ports.Refused through: both are
one plain sentence that the shell shows. Nothing here keeps a connection.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from appliance.console.faces import Places, Terminal
from appliance.core.reply import printable
from appliance.interface.client import Unreachable, ask
from appliance.ports import Refused
from appliance.settings.complaint import Complaint
from appliance.settings.parse import parse
from appliance.settings.schema import Settings

ASK_S: Final = 30.0  # for what the box only looks up; it may be busy starting
LINE_MAX: Final = 1000


class Dead(Exception):
    """Nobody answers at a socket; the sentence says who."""


class Box:
    """The relay and the steward as a command sees them."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def relay(self, verb: str, args: Mapping[str, Any] | None = None, timeout_s: float = ASK_S) -> Any:
        """The relay's answer. Raises Dead, Refused."""
        return self._ask("the relay", self._places.relay_socket, verb, args, timeout_s)

    def steward(self, verb: str, args: Mapping[str, Any] | None = None, timeout_s: float = ASK_S) -> Any:
        """The steward's answer. Raises Dead, Refused."""
        return self._ask("the steward", self._places.steward_socket, verb, args, timeout_s)

    def _ask(self, who: str, path: str, verb: str, args: Mapping[str, Any] | None, timeout_s: float) -> Any:
        try:
            return ask(path, verb, dict(args or {}), timeout_s)
        except Unreachable as dead:
            raise Dead(f"{who} does not answer ({printable(str(dead), 300)})") from dead

    def text(self, which: str) -> str:
        """The settings file's text, `which` = running or candidate. Raises Dead, Refused."""
        return str(self.steward("settings.show", {"which": which})["text"])

    def settings(self, which: str) -> Settings | tuple[Complaint, ...]:
        """The same, read. Raises Dead, Refused."""
        return parse(self.text(which))

    def values(self, timeout_s: float = ASK_S, which: str = "candidate") -> dict[str, str]:
        """Each setting of the candidate (or of running) as it would be typed, also while it is not right; a row of a
        list by its own path, too. Raises Dead, Refused."""
        rows = self.steward("settings.show", {"which": which}, timeout_s).get("values") or ()
        return {str(row["path"]): str(row["value"]) for row in rows}


def rows_in(values: Mapping[str, str], section: str) -> list[str]:
    """The names (or numbers) of the rows of a list, in their order."""
    start = f"{section}."
    return [path.removeprefix(start) for path, value in values.items() if path.startswith(start) and _is_row(value)]


def _is_row(value: str) -> bool:
    return value.startswith("row ") and value[4:].isdigit()


@dataclass(slots=True)
class State:
    """What a session remembers between its lines."""

    configuring: bool = False
    leaving: bool = False


class Again(Protocol):
    def __call__(self, line: str, box: Box | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One command under way. `args` by the argument's name in small letters; absent optional ones are absent. `again`
    runs another line as if it had been typed in configure mode, with another box when one is given; the
    answer is "" or what is wrong with it. `only`: pages show lines with this text (in small letters) and no others."""

    io: Terminal
    box: Box
    state: State
    args: Mapping[str, str] = field(default_factory=dict)
    again: Again = lambda line, box=None: ""
    only: str = ""

    def get(self, name: str, default: str = "") -> str:
        return self.args.get(name, default)

    def say(self, text: str) -> None:
        """One sentence or paragraph, made printable and folded to the width of the terminal; a line end in it is
        none, since part of it may be what a remote host said."""
        self.io.say("\n".join(folded(text, self.io.width)))

    def page(self, lines: Iterable[str]) -> None:
        """The same for facts, with `--More--`: the rest of a long line is indented."""
        width = self.io.width
        self.io.page(part for line in self._wanted(lines) for part in folded(line, width, 4))

    def verbatim(self, lines: Iterable[str]) -> None:
        """Lines as they are, to be copied; the terminal makes them printable."""
        self.io.page(self._wanted(lines))

    def _wanted(self, lines: Iterable[str]) -> Iterable[str]:
        return (line for line in lines if self.only in line.lower()) if self.only else lines

    def patiently(self, ask: Callable[[], Any]) -> Any:
        """The result of `ask`, which may take long; ^C stops the waiting (not what is asked for). Raises what it
        raises."""
        done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                done.put((ask(), None))
            except BaseException as error:
                done.put((None, error))

        threading.Thread(target=run, daemon=True).start()
        while done.empty():
            if self.io.interrupted(0.1):
                raise Refused("you did not wait for the answer")
        result, error = done.get()
        if error is not None:
            raise error
        return result


Handler = Callable[[Call], None]


def folded(line: str, width: int, hanging: int = 0) -> list[str]:
    """`line` made printable and cut between words to lines of at most `width`; what follows is indented by `hanging`
    more."""
    text = printable(line.rstrip(), LINE_MAX)
    indent = " " * (len(text) - len(text.lstrip()) + hanging)
    parts: list[str] = []
    while len(text) > width > 20:
        cut = text.rfind(" ", len(indent) + 8, width + 1)
        parts.append(text[: cut if cut > 0 else width].rstrip())
        text = indent + text[cut if cut > 0 else width :].lstrip()
    return [*parts, text]
