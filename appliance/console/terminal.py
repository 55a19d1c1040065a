"""faces.Terminal on a serial line: lines in, text out, silence and loss noticed.

Whatever is shown passes through `clean`: control characters, ESC, direction marks and what else does not print become
`?`, so no remote text reaches the person's terminal as a command. Text is UTF-8 with CR LF; `ascii` is for a terminal
of 7 or 8 bits, on which some octets of UTF-8 would be control characters. What is typed ahead is kept up to AHEAD_MAX
keys. Raises Idle after `idle_s` seconds without a key (noise is no key), Lost when the port fails.
"""

from __future__ import annotations

import textwrap
from collections import deque
from collections.abc import Iterable
from typing import Final, Protocol

from appliance.console import pager
from appliance.console.editor import LINE_MAX, NEWLINE, PROMPT_LEAVES, Editor, Event
from appliance.console.faces import Gone, Shell
from appliance.console.history import History
from appliance.console.keys import Key, Keys, Typed
from appliance.console.text import clean, in_columns, plain
from appliance.ports import Clock

AHEAD_MAX: Final = 65536
PASTE_MAX: Final = 256 << 10
TOO_LONG: Final = f"That line is longer than {LINE_MAX} characters: nothing was done with it."


class Idle(Gone):
    """Silent for too long."""


class Lost(Gone):
    """The line went away."""


class Port(Protocol):
    """A serial line; every method may raise OSError."""

    def read(self, wait: bool = True) -> bytes: ...
    def write(self, octets: bytes) -> None: ...


class LineTerminal:
    """One line, one session."""

    def __init__(self, port: Port, clock: Clock, idle_s: float = 0.0) -> None:
        self.width, self.length, self.ascii, self.idle_s = 80, 24, False, idle_s
        self.history = History()
        self._port, self._clock, self._decoder = port, clock, Keys()
        self._keys: deque[Typed] = deque()
        self._break = False  # whether there may be a ^C among them
        self._out: list[str] = []
        self._heard_at = clock.monotonic()

    # -- faces.Terminal

    def say(self, text: str) -> None:
        for line in text.split("\n"):
            self._out.append(clean(line.removesuffix("\r")) + NEWLINE)
        self._flush()

    def page(self, lines: Iterable[str]) -> None:
        self._heard_at = self._clock.monotonic()
        pager.page(self, (part for line in lines for part in line.split("\n")), clean)

    def ask(self, prompt: str, secret: bool = False) -> str | None:
        *before, prompt = (row for line in prompt.split("\n") for row in self._rows(line))
        if before:
            self.say("\n".join(before))
        while True:
            line, event = self._read(Editor(clean(prompt), self.width, secret=secret))
            if event is not Event.TOO_LONG:
                return line if event is Event.LINE else None
            self.say(TOO_LONG)

    def paste(self, end: str = ".") -> str | None:
        lines: list[str] = []
        left = PASTE_MAX
        while True:
            line, event = self._read(Editor("", self.width))
            left -= len(line.encode()) + 1
            if event is Event.TOO_LONG or left < 0:
                self.say(
                    TOO_LONG if left >= 0 else f"That is more than {PASTE_MAX} characters: nothing was done with it."
                )
                self._skip_paste(end)
                return None
            if event is Event.INTERRUPT:
                return None
            if event is Event.END_OF_INPUT or line.strip() == end:
                return "".join(lines)
            lines.append(line + "\n")

    def confirm(self, question: str) -> bool:
        return (self.ask(f"{question} [y/N] ") or "").strip().lower() in ("y", "yes")

    def interrupted(self, wait_s: float = 0.0) -> bool:
        until = self._clock.monotonic() + wait_s
        while True:
            left = until - self._clock.monotonic()
            self._take(wait=left > 0)
            if self._break and self._forget_through_interrupt():
                return True
            if left <= 0:
                return False

    # -- for the session and the pager

    def command(self, shell: Shell) -> str | None:
        """The next command line; "" for an empty or given-up one, None for ^D on an empty one."""
        editor = Editor(clean(shell.prompt()), self.width, command=True, history=self.history)
        line, event = self._read(editor, shell)
        if event is Event.TOO_LONG:
            self.say(TOO_LONG)
        elif event is Event.LINE:
            self.history.add(line)
            return line
        return None if event is Event.END_OF_INPUT else ""

    def next_key(self) -> Typed:
        """Wait for a key."""
        while not self._keys:
            self._flush()
            self._take(wait=True)
        return self._keys.popleft()

    def put_back(self, key: Typed) -> None:
        self._keys.appendleft(key)

    def write(self, text: str) -> None:
        """`text` as it is, written before the next wait."""
        self._out.append(text)

    def listen(self) -> bool:
        """Whether Enter was typed within a moment; all else is noise."""
        self._flush()
        self._take(wait=True)
        keys = set(self._keys)
        self._keys.clear()
        return Key.ENTER in keys

    def ignore(self, wait_s: float) -> None:
        """Let time pass, and forget what was typed until its end."""
        until = self._clock.monotonic() + wait_s
        while True:
            wait = self._clock.monotonic() < until
            self._take(wait)
            self._keys.clear()
            if not wait:
                return

    # -- inside

    def _read(self, editor: Editor, shell: Shell | None = None) -> tuple[str, Event]:
        self._heard_at = self._clock.monotonic()
        self.write(editor.start())
        while True:
            echo, event = editor.key(self.next_key())
            self.write(echo)
            if event is Event.HELP and shell:
                self._answer(shell.help(editor.before), editor)
            elif event is Event.COMPLETE and shell:
                self._complete(shell, editor)
            elif event is not Event.NONE:
                self._flush()
                return editor.line, event

    def _rows(self, prompt: str) -> list[str]:
        """A question in rows, so that there is room for the answer in the last one."""
        rows = textwrap.wrap(prompt, self.width - PROMPT_LEAVES - 2) or [""]
        return [*rows[:-1], rows[-1] + " "] if prompt.endswith(" ") else rows

    def _complete(self, shell: Shell, editor: Editor) -> None:
        text, candidates = shell.complete(editor.before)
        self.write(editor.insert(clean(text)))
        if len(candidates) > 1:
            self.write(NEWLINE)
            self._answer(in_columns([clean(each) for each in candidates], self.width), editor)

    def _answer(self, lines: list[str], editor: Editor) -> None:
        self.page(lines)
        self.write(editor.start())

    def _skip_paste(self, end: str) -> None:
        """The rest of a refused paste must not be taken for commands."""
        while True:
            line, event = self._read(Editor("", self.width))
            if line.strip() == end or event in (Event.INTERRUPT, Event.END_OF_INPUT):
                return

    def _take(self, wait: bool) -> None:
        """Move what has come into `_keys`."""
        try:
            octets = self._port.read(wait)
        except OSError as error:
            raise Lost(str(error)) from error
        keys = self._decoder.feed(octets)
        now = self._clock.monotonic()
        if keys:
            self._heard_at = now
            if len(self._keys) + len(keys) > AHEAD_MAX:  # nobody types so far ahead; only ^C still counts
                self._keys.clear()
                keys = [Key.INTERRUPT] if Key.INTERRUPT in keys else []
            self._keys.extend(keys)
            self._break = self._break or Key.INTERRUPT in keys
        elif wait and not octets:
            self._decoder.quiet()
        if self.idle_s and now - self._heard_at > self.idle_s:
            raise Idle

    def _forget_through_interrupt(self) -> bool:
        """Forget what was typed ahead up to the last ^C; whether there was one."""
        typed, self._break = list(self._keys), False
        if Key.INTERRUPT not in typed:
            return False
        self._keys = deque(typed[len(typed) - typed[::-1].index(Key.INTERRUPT) :])
        return True

    def _flush(self) -> None:
        text = "".join(self._out)
        octets = (plain(text) if self.ascii else text).encode("utf-8", "replace")
        self._out.clear()
        if octets:
            try:
                self._port.write(octets)
            except OSError as error:
                raise Lost(str(error)) from error
