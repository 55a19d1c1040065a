"""The shell: lines in, commands done. Implements faces.Shell over the grammar table.

Trouble is one plain sentence after "% ": a wrong word with a mark under it, a dead relay or steward, what the box
refused. A bug in a command is noted in the log and told; the session goes on.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Final

from appliance.console.banner import banner
from appliance.console.call import Box, Call, Dead, State
from appliance.console.faces import Gone, Places, Terminal
from appliance.console.grammar import Wrong
from appliance.console.table import GRAMMAR
from appliance.ports import Refused

INCLUDE: Final = re.compile(r"(\s*sh\w*\s.*?)\s+\|\s*inc\w*\s+(\S.*)", re.IGNORECASE)
PROMPTS: Final = {False: "outbox> ", True: "outbox# "}
HELP: Final = """\
Type words, each as short as it stays clear: "sh q" is "show queue".
  ?         after any part of a line: what may come next
  Tab       completes a word
  menu      numbers instead of words
  wizard    the first set-up, step by step
  explain   what a word means: explain bounce
  show log | include anna    only lines with that text, of anything shown
Settings: "configure terminal", then "set …" and "no …", "show | compare", "commit".
  commit confirmed 5   takes it back after five minutes unless you "commit" again
These words begin a line:"""


class Commands:
    """One for each login."""

    def __init__(self, places: Places) -> None:
        self._box, self._state = Box(places), State()

    def banner(self) -> list[str]:
        return banner(self._box)

    def prompt(self) -> str:
        return PROMPTS[self._state.configuring]

    def complete(self, line: str) -> tuple[str, list[str]]:
        try:
            return GRAMMAR.complete(line, self._state.configuring, self._box)
        except Gone:
            raise
        except Exception:
            logging.getLogger(__name__).exception("a bug in completion")
            return "", []

    def help(self, line: str) -> list[str]:
        return GRAMMAR.help(line, self._state.configuring)

    def run(self, line: str, io: Terminal) -> bool:
        if (question := line.rstrip()).endswith("?"):  # pasted, or from a terminal without a `?` key of its own
            io.page(self.help(question[:-1]))
            return True
        if line.strip() and line.lstrip()[0] not in "!#":
            self._run(line, io)
        return not self._state.leaving

    def _run(self, line: str, io: Terminal) -> None:
        time.tzset()  # the time zone may have been changed since this process began
        try:
            self._do(line, io, self._state.configuring)
        except Wrong as wrong:
            column = len(self.prompt()) + wrong.at
            if column < io.width:
                io.say(" " * column + "^")
            self._call(io).say(f"% {wrong}")
        except (Dead, Refused) as trouble:
            self._call(io).say(f"% {trouble}")
        except Gone:
            raise
        except Exception:
            logging.getLogger(__name__).exception("a bug in a command of the console")
            io.say("% trouble inside the console, noted in its log")

    def _do(self, line: str, io: Terminal, configuring: bool, box: Box | None = None) -> None:
        line, only = (found[1], found[2]) if (found := INCLUDE.match(line)) else (line, "")
        parsed = GRAMMAR.parse(line, configuring)
        if parsed.command.pattern.startswith("help"):
            io.page(self.help(parsed.args["command"] + " ") if parsed.args else [*HELP.split("\n"), *self.help("")])
        else:
            parsed.command.handler(self._call(io, parsed.args, box, only))

    def _call(self, io: Terminal, args: dict[str, str] | None = None, box: Box | None = None, only: str = "") -> Call:
        def again(line: str, box: Box | None = None) -> str:
            if not line.strip() or line.lstrip()[0] in "!#":
                return ""
            try:
                self._do(line, io, True, box)
            except (Wrong, Dead, Refused) as wrong:
                return str(wrong)
            return ""

        return Call(io, box or self._box, self._state, args or {}, again, only.strip().lower())
