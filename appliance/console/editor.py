"""The line editor: keys in, text for the terminal out; no port, no clock.

It writes only printable characters, CR, LF and BS, no escape sequence, so that it is right on a terminal that knows
none, and on one that does not wrap. At the end of the line each octet typed is echoed as itself and nothing else; only
where a row of the screen is full does CR LF follow. A change in the middle writes what is right of it once more and
steps back. A line that is longer than a row shows the row with the cursor; the same row of the screen is used for it.
At most LINE_MAX characters are kept; of a longer line nothing more is echoed, and it ends as TOO_LONG.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from enum import Enum
from typing import Final

from appliance.console.history import History
from appliance.console.keys import Key, Typed
from appliance.console.row import Row, columns

LINE_MAX: Final = 4096
QUOTES: Final = re.compile(r"\\.")  # within quotes, \" is no end
PROMPT_LEAVES: Final = 10  # columns, at least, of a prompt's row
NEWLINE: Final = "\r\n"


class Event(Enum):
    """What a key means to the one who asked for a line."""

    NONE = 0
    LINE = 1
    TOO_LONG = 2
    INTERRUPT = 3
    END_OF_INPUT = 4
    HELP = 5
    COMPLETE = 6


class Editor:
    """One line being typed. `command`: Tab and `?` are events, Up and Down bring back `history`; otherwise Tab is a
    space and `?` a character. `secret`: each character shows as `*`."""

    def __init__(
        self,
        prompt: str,
        width: int = 80,
        *,
        secret: bool = False,
        command: bool = False,
        history: History | None = None,
    ) -> None:
        self._row_width = max(width, 20) - 1  # the last column is never written: terminals differ in what happens there
        self._prompt = prompt[-(self._row_width - PROMPT_LEAVES) :]
        self._secret, self._command, self._history = secret, command, history or History()
        self._chars: list[str] = []
        self._at = 0  # the cursor, in characters
        self._places: list[tuple[int, int]] = []  # row and column of the characters, as far as they are known
        self._row = Row()
        self._back = 0  # steps back in the history
        self._draft = ""  # what was typed before stepping back
        self._literal = self._too_long = False

    @property
    def line(self) -> str:
        return "".join(self._chars)

    @property
    def before(self) -> str:
        """What is left of the cursor."""
        return "".join(self._chars[: self._at])

    def start(self) -> str:
        """The prompt and what was typed so far, on a row of the screen that is empty."""
        self._row = Row()
        return self._rows_up_to_cursor()

    def key(self, key: Typed) -> tuple[str, Event]:
        """What to write, and what the key meant."""
        if self._literal or not isinstance(key, Key):
            return self._character(key)
        if key in ENDS:
            event, echo = ENDS[key]
            if key is not Key.END_OF_INPUT or not self._chars:
                return echo + NEWLINE, Event.TOO_LONG if self._too_long and event is Event.LINE else event
        if key is Key.TAB:
            return self._tab()
        if key is Key.REDRAW:
            return NEWLINE + self.start(), Event.NONE
        if key is Key.LITERAL:
            self._literal = True
        elif key in (Key.UP, Key.DOWN):
            return self._recall(1 if key is Key.UP else -1), Event.NONE
        elif key in MOVES:
            self._at = self._target(key)
        else:
            self._erase(self._target(key))
        return self._refresh(), Event.NONE

    def insert(self, text: str) -> str:
        """Put `text` at the cursor; what to write."""
        out = ""
        for char in text:
            if len(self._chars) >= LINE_MAX:
                self._too_long = True
                break
            out += self._append(char) if self._at == len(self._chars) else self._insert(char)
        return out

    def _character(self, key: Typed) -> tuple[str, Event]:
        literal, self._literal = self._literal, False
        if isinstance(key, Key):
            return "", Event.NONE
        if key == "?" and self._command and not literal and not self._quoted():
            return "?" + NEWLINE, Event.HELP
        return self.insert(key), Event.NONE

    def _quoted(self) -> bool:
        """Whether a `?` here is text: within quotes or a remark."""
        before = self.before
        open_quotes = QUOTES.sub("", before).count('"')
        return open_quotes % 2 == 1 or before.lstrip()[:1] in ("#", "!")

    def _tab(self) -> tuple[str, Event]:
        if self._command and not self._quoted():
            return "", Event.COMPLETE
        return ("" if self._secret else self.insert(" ")), Event.NONE

    # -- changes of the text

    def _append(self, char: str) -> str:
        before = self._place(self._at)
        self._put(char)
        place = self._place(self._at - 1)
        out = self._next_row() if place > before else ""
        out += self._row.append(self._show(char))
        return out + self._next_row() if self._place(self._at)[0] > place[0] else out

    def _next_row(self) -> str:
        self._row = Row()
        return NEWLINE

    def _insert(self, char: str) -> str:
        self._put(char)
        return self._refresh()

    def _put(self, char: str) -> None:
        del self._places[self._at :]
        self._chars.insert(self._at, char)
        self._at += 1

    def _target(self, key: Key) -> int:
        """Where `key` moves the cursor to, or up to where it erases."""
        if key in (Key.LEFT, Key.BACKSPACE):
            return max(self._at - 1, 0)
        if key in (Key.RIGHT, Key.DELETE, Key.END_OF_INPUT):
            return min(self._at + 1, len(self._chars))
        if key in (Key.HOME, Key.KILL_LINE):
            return 0
        if key is Key.KILL_WORD:
            return len(self.before.rstrip().rpartition(" ")[0] + " ") if " " in self.before.strip() else 0
        return len(self._chars)

    def _erase(self, other_end: int) -> None:
        first, last = sorted((self._at, other_end))
        del self._chars[first:last]
        del self._places[first:]
        self._at = first

    def _recall(self, steps: int) -> str:
        if not self._command:
            return ""
        if self._back == 0:
            self._draft = self.line
        line = self._draft if self._back + steps == 0 else self._history.back(self._back + steps)
        if line is None:
            return ""
        self._back += steps
        self._chars, self._places = list(line), []
        self._at = len(self._chars)
        return self._rows_up_to_cursor()

    # -- the screen

    def _rows_up_to_cursor(self) -> str:
        """All rows from the first on, the first one over what the screen's row shows now."""
        out = ""
        for number in range(self._place(self._at)[0]):
            line = self._line(number)
            out += self._row.become(line, columns(line)) + self._next_row()
        return out + self._refresh()

    def _refresh(self) -> str:
        """Make the screen's row show the row of the cursor."""
        number, column = self._place(self._at)
        return self._row.become(self._line(number), column)

    def _place(self, index: int) -> tuple[int, int]:
        """Row and column at which the character of that index stands, or would stand at the end of the line."""
        while len(self._places) <= index and len(self._places) < len(self._chars):
            self._places.append(self._next_place(self._width(self._chars[len(self._places)])))
        return self._places[index] if index < len(self._chars) else self._next_place(1)

    def _next_place(self, width: int) -> tuple[int, int]:
        """Where a character of that width stands that follows those whose places are known."""
        row, column = 0, len(self._prompt)
        if self._places:
            row, column = self._places[-1]
            column += self._width(self._chars[len(self._places) - 1])
        return (row, column) if column + width <= self._row_width else (row + 1, 0)

    def _line(self, row: int) -> str:
        """What the screen's row shows for a row of the text, the prompt included."""
        index = first = bisect_left(self._places, (row, 0))
        while index < len(self._chars) and self._place(index)[0] <= row:
            index += 1
            first += self._places[index - 1][0] < row
        line = self._show("".join(self._chars[first:index]))
        return line if row else self._prompt + line

    def _show(self, text: str) -> str:
        return "*" * len(text) if self._secret else text

    def _width(self, char: str) -> int:
        return 1 if self._secret else columns(char)


ENDS: Final = {
    Key.ENTER: (Event.LINE, ""),
    Key.INTERRUPT: (Event.INTERRUPT, "^C"),
    Key.END_OF_INPUT: (Event.END_OF_INPUT, ""),
}
MOVES: Final = (Key.LEFT, Key.RIGHT, Key.HOME, Key.END)
