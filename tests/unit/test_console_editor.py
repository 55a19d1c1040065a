"""The line editor: what a dumb terminal shows is what was typed, and few octets make it so."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.console.editor import LINE_MAX, Editor, Event
from appliance.console.history import History
from appliance.console.keys import Key, Keys, Typed
from appliance.console.row import columns
from appliance.console.text import plain


class Dumb:
    """A terminal that knows printable characters, CR, LF and BS, and does not wrap."""

    def __init__(self) -> None:
        self.cells: list[list[str]] = [[]]
        self.column = self.octets = 0

    def show(self, text: str) -> None:
        self.octets += len(text.encode())
        for char in text:
            if char == "\r":
                self.column = 0
            elif char == "\n":
                self.cells.append([])
            elif char == "\b":
                self.column = max(self.column - 1, 0)
            else:
                self._print(char)

    def _print(self, char: str) -> None:
        assert char.isprintable(), repr(char)
        row = self.cells[-1]
        row.extend(" " * (self.column - len(row)))
        if unicodedata.combining(char):
            if row and self.column and char not in row[self.column - 1]:
                row[self.column - 1] += char
            return
        cell = [char, ""] if unicodedata.east_asian_width(char) in "WF" else [char]
        row[self.column : self.column + len(cell)] = cell
        self.column += len(cell)
        assert self.column < 80

    @property
    def rows(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.cells]

    @property
    def row(self) -> str:
        return self.rows[-1]


def played(editor: Editor, *keys: Typed) -> tuple[Dumb, Event]:
    screen, event = Dumb(), Event.NONE
    screen.show(editor.start())
    for key in keys:
        echo, event = editor.key(key)
        screen.show(echo)
    return screen, event


def test_at_the_end_of_the_line_each_octet_is_echoed_as_itself_and_nothing_else() -> None:
    editor = Editor("box> ")
    editor.start()
    for char in "set dns servers 192.0.2.1 # größer":
        assert editor.key(char) == (char, Event.NONE)


def test_a_pasted_configuration_of_2_kb_is_echoed_in_under_3_s_at_9600_baud() -> None:
    lines = [f"set device printer-{number:02} network 192.0.2.{number} name Drucker" for number in range(40)]
    text = "".join(line + "\r" for line in lines)
    assert 2048 <= len(text) <= 2600
    echoed, editor = 0, Editor("")
    for key in Keys().feed(text.encode()):
        echo, event = editor.key(key)
        echoed += len(echo)
        if event is Event.LINE:
            editor = Editor("")
    assert echoed == len(text) + len(lines)  # a CR is echoed as CR LF
    assert echoed / 960 < 3


def test_an_insertion_in_the_middle_writes_what_is_right_of_it_once() -> None:
    editor = Editor("box> ")
    screen, _ = played(editor, *"shw log", *[Key.LEFT] * 5)
    before = screen.octets
    screen.show(editor.key("o")[0])
    assert (screen.row, screen.column) == ("box> show log", len("box> sho"))
    assert screen.octets - before == len("ow log") + 5


@pytest.mark.parametrize(
    ("keys", "line", "at"),
    [
        ([*"abc", Key.BACKSPACE], "ab", 2),
        ([*"abc", Key.HOME, Key.DELETE], "bc", 0),
        ([*"abc", Key.LEFT, Key.END_OF_INPUT], "ab", 2),
        ([*"one two  ", Key.KILL_WORD], "one ", 4),
        ([*"one", Key.KILL_WORD], "", 0),
        ([*"one two", Key.LEFT, Key.LEFT, Key.KILL_END], "one t", 5),
        ([*"one two", Key.LEFT, Key.LEFT, Key.KILL_LINE], "wo", 0),
        ([*"ab", Key.HOME, Key.RIGHT, "x", Key.END, "y"], "axby", 4),
        ([*"日本語", Key.LEFT, Key.BACKSPACE], "日語", 1),
        ([Key.LITERAL, "?", Key.LITERAL, Key.TAB, *'"?'], '?"?', 3),
        ([*"# why?"], "# why?", 6),
        ([*'"a\\"b?"'], '"a\\"b?"', 7),
    ],
)
def test_keys_do_what_they_say(keys: list[Typed], line: str, at: int) -> None:
    editor = Editor("box> ", command=True)
    screen, _ = played(editor, *keys)
    assert (editor.line, len(editor.before)) == (line, at)
    assert screen.row == f"box> {line}".rstrip()


def test_events_end_the_line_or_ask_for_help() -> None:
    for keys, event in (
        ([*"show ", "?"], Event.HELP),
        (["s", Key.TAB], Event.COMPLETE),
        (["s", Key.ENTER], Event.LINE),
        (["s", Key.INTERRUPT], Event.INTERRUPT),
        ([Key.END_OF_INPUT], Event.END_OF_INPUT),
    ):
        assert played(Editor("box> ", command=True), *keys)[1] is event
    assert played(Editor("Name: "), "?", Key.TAB)[1] is Event.NONE


def test_a_long_line_wraps_without_the_terminals_help_and_is_edited_in_one_row() -> None:
    editor = Editor("box> ")
    screen, _ = played(editor, *"x" * 100)
    assert screen.rows == ["box> " + "x" * 74, "x" * 26]
    for key in (Key.HOME, "y"):
        screen.show(editor.key(key)[0])
    assert screen.row == "box> y" + "x" * 73
    screen.show(editor.key(Key.END)[0])
    assert (screen.row, screen.column) == ("x" * 27, 27)


def test_history_comes_back_whole_and_what_was_typed_waits() -> None:
    history = History()
    for line in ("show status", "show status", "x" * 100, "", "set relay a password hunter2", "show queue"):
        history.add(line)
    editor = Editor("box> ", command=True, history=history)
    screen, _ = played(editor, *"dra", Key.UP, Key.UP)
    assert (editor.line, screen.rows) == ("x" * 100, ["box> " + "x" * 74, "x" * 26])
    screen, _ = played(Editor("box> ", command=True, history=history), *"dra", *[Key.UP] * 9)
    assert screen.row == "box> show status"
    assert (
        played(Editor("box> ", command=True, history=history), *"dra", Key.UP, Key.DOWN, Key.DOWN)[0].row == "box> dra"
    )


def test_history_is_bounded() -> None:
    history = History()
    for number in range(1000):
        history.add(f"line {number}")
    assert history.back(100) == "line 900"
    assert history.back(101) is None


def test_a_secret_shows_as_stars_and_has_no_history() -> None:
    history = History()
    history.add("old")
    editor = Editor("Password: ", secret=True, history=history)
    screen, _ = played(editor, *"pä?日", Key.BACKSPACE, Key.TAB, Key.UP)
    assert (editor.line, screen.row) == ("pä?", "Password: ***")


def test_of_a_line_that_is_too_long_nothing_is_done() -> None:
    editor = Editor("box> ")
    screen, event = played(editor, *"x" * 8192, Key.ENTER)
    assert event is Event.TOO_LONG
    assert len(editor.line) == LINE_MAX
    assert screen.octets <= LINE_MAX * 81 // 79 + 10


def test_a_terminal_of_seven_bits_gets_seven_bits_and_the_same_columns() -> None:
    text = "Größe, Û2J … «日本» ﬁ ½ \u00a0x"
    assert plain(text) == "Gro?e, U2J . ?????? f 1  x"
    assert plain(text).isascii() and len(plain(text)) == columns(text)


def test_a_key_costs_the_same_in_a_long_line_as_in_a_short_one() -> None:
    editor = Editor("box> ")
    begun = time.process_time()
    played(editor, *"日" * 4000, *[Key.HOME, "x", Key.BACKSPACE, Key.END] * 20, *[Key.LEFT] * 200, *"本" * 50)
    assert time.process_time() - begun < 3  # a tenth of a second; 40 s when each key looks at the whole line


KEYS = st.lists(st.one_of(st.sampled_from([*Key]), st.sampled_from('ab ?"#é日')), max_size=150)


@given(KEYS, st.integers(20, 80), st.booleans())
def test_the_screen_shows_the_line_whatever_is_typed(keys: list[Typed], width: int, secret: bool) -> None:
    history = History()
    history.add("show status of everything that there is, 日 and more " * 3)
    editor = Editor("box> ", width, command=not secret, secret=secret, history=history)
    screen = Dumb()
    screen.show(editor.start())
    for key in keys:
        echo, event = editor.key(key)
        screen.show(echo)
        if event in (Event.HELP, Event.COMPLETE):
            screen.show("\r\n" + editor.start() if event is Event.COMPLETE else editor.start())
        elif event is not Event.NONE:
            return
    row, column = where("box> " + ("*" * len(editor.before) if secret else editor.before), editor.line, width, secret)
    assert screen.row == row.rstrip()
    assert screen.column == column


def where(before: str, line: str, width: int, secret: bool) -> tuple[str, int]:
    """What the row with the cursor must show, and the cursor's column: written down another way than in the editor."""
    text = "box> " + ("*" * len(line) if secret else line)
    rows, used, cursor = [""], 0, (0, 0)
    for index, char in enumerate(text + " "):
        cells = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if used + cells > width - 1:
            rows.append("")
            used = 0
        if index == len(before):
            cursor = (len(rows) - 1, used)
        rows[-1] += char
        used += cells
    return rows[cursor[0]], cursor[1]


@given(st.binary(max_size=600))
def test_random_octets_never_break_the_editor(octets: bytes) -> None:
    editor, screen = Editor("box> ", command=True, history=History()), Dumb()
    screen.show(editor.start())
    for key in Keys().feed(octets):
        echo, event = editor.key(key)
        screen.show(echo)
        if event in (Event.LINE, Event.INTERRUPT, Event.END_OF_INPUT):
            editor = Editor("box> ", command=True, history=History())
            screen.show(editor.start())
        elif event is not Event.NONE:
            screen.show("\r\n" + editor.start())
