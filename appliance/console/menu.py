"""`menu`: numbers instead of words, for people who never saw such a console. Each entry is a line that could have been
typed, and it is shown before it runs: so the menu teaches the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.console.call import Call
from appliance.console.split import quoted


@dataclass(frozen=True, slots=True)
class Entry:
    """`line` is run; for each of `questions` the answer is added to it as one word."""

    words: str
    line: str
    questions: tuple[str, ...] = ()


ENTRIES: Final = (
    Entry("How is the box?", "show status"),
    Entry("Which mail waits?", "show queue"),
    Entry("What became of a message?", "show history", ("Address, device or part of it",)),
    Entry("Which mail came back?", "show bounces"),
    Entry("I have read the bounces", "acknowledge"),
    Entry("Try all that waits now", "flush"),
    Entry("Send a test message", "test message", ("To which address",)),
    Entry("Does the DNS answer?", "test dns"),
    Entry("Can mail leave (port 25)?", "test port25", ("For a domain such as office.example",)),
    Entry("Network: what is set?", "show network"),
    Entry("First set-up, step by step", "wizard"),
    Entry("What does a word mean?", "explain", ("Which word",)),
    Entry("Change the password", "password"),
    Entry("Save all settings as text", "backup"),
    Entry("Restart the box", "reboot"),
    Entry("Switch the box off", "shutdown"),
)


def menu(call: Call) -> None:
    """Until 0 or ^C."""
    while True:
        call.say("")
        for number, entry in enumerate(ENTRIES, 1):
            call.say(f"{number:>4}) {entry.words}")
        call.say("   0) Back to the command line")
        answer = (call.io.ask("Number: ") or "0").strip()
        if answer == "0":
            return
        if answer.isascii() and answer.isdigit() and 0 < int(answer[:4]) <= len(ENTRIES):
            _run(call, ENTRIES[int(answer[:4]) - 1])
            if call.state.leaving:
                return
        else:
            call.say(f"% a number from 0 to {len(ENTRIES)}")


def _run(call: Call, entry: Entry) -> None:
    line = entry.line
    for question in entry.questions:
        answer = call.io.ask(f"{question}: ")
        if answer is None:
            return
        if answer.strip():
            line += " " + quoted(answer.strip())
    call.say(f"> {line}")
    if wrong := call.again(line):
        call.say(f"% {wrong}")
