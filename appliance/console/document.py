"""docs/console.md from the grammar: `python -m appliance.console.document > docs/console.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from appliance.console.dialogue import DIALOGUE, shown
from appliance.console.table import AREAS, GRAMMAR

HEAD = """\
# The serial console

A cable from a computer to the box's serial socket (hardware/README.md says which), 115200 baud, 8N1, no flow control.
Press Enter. It works when the network does not, when the relay is dead and when the settings are broken; it says what
is wrong. What is typed in capitals below stands for something of yours; what is in brackets may be left out.

## From the plug to the first delivered message

"""
KEYS = """
## Keys

| key | what |
|---|---|
| Left, Right, Home, End, `^B` `^F` `^A` `^E` | move in the line |
| Up, Down, `^P` `^N` | earlier lines; never one with a password in it |
| Backspace, Delete, `^D` | delete a character |
| `^W`, `^U`, `^K` | delete the word before, all before, all after the cursor |
| Tab, `?` | complete a word; say what may come next (`^V ?` is a question mark, as is one within quotes) |
| `^C` | give up: the line, a question, a long command |
| `^L` | show the line again |
| `^D` on an empty line | log out |
| at `--More--`: Space, Enter, `q` | next page, next line, enough |

No terminal is too simple: the box sends letters, CR, LF and BS only. `terminal width`, `terminal length` and
`terminal ascii` tell it about an unusual one. Lines may be pasted at any speed up to 115200 baud; one of more than 4096
characters is refused as a whole. After ten minutes of silence (`set console idle-s`) the console logs out. A changed
speed (`set console speed`) counts once you have logged out. A serial adapter at a USB socket of the box is one more
console; several people may be logged in at once, and see one candidate. Who forgot the password holds the button
while switching the box on; the console then asks for a new one.

`outbox console --attach /dev/ttyUSB0` on another computer with this software is a small terminal program for the cable;
`^]` leaves it. `outbox console --demo` does the same for a running `outbox demo`.

"""
WAYS = """
## Ways

- Any word may be cut short as long as it is clear: `sh q` is `show queue`. What cannot be taken back (`shutdown`,
  `reboot`, `factory-reset`, `restore`, `erase`) has to be typed in full.
- `?` tells at any point what may come next, Tab completes, the arrows fetch earlier lines. `explain WORD` tells what a
  word of mail means; `menu` has numbers instead of words.
- Settings are changed in configure mode (`configure terminal`) and count after `commit`. `show | compare` tells what
  would change. `commit confirmed 5` takes it back by itself after five minutes unless you `commit` again, also when
  this console, the relay or the power fails meanwhile. `rollback 1` fetches the settings before the last commit.
- `show … | include TEXT` shows only the lines with that text, in capitals or not.
- A line that begins with `#` or `!` is a remark.
- A wrong word is marked, and said in words:

```
outbox> show quque
             ^
% no word here begins with "quque"; perhaps queue
```
"""
SETTINGS = """
## Every setting

Each setting of [settings.md](settings.md) is set by its section and its name, with hyphens or underscores, and `no`
brings its shipped value back; rows of lists are called by their name (`listener`, `relay`, `domain`) or their number
(`access`, `device`). A row that is not there is made; `no LIST ROW` removes one, `move LIST ROW to PLACE`
gives it another place. Several values are parted by spaces.

```
set dns timeout-s 3
set listener lan port 2525
set domain office.example direct-attempts 0
set access 2 network 192.0.2.0/24
set device 1 name "Copier, 2nd floor"
move access 2 to 1
no access 2
no dns timeout-s
```

`show running-config` prints such lines, only for what is not as shipped. `configure replace terminal` takes them (or
the TOML of `show running-config file`) and makes exactly that the candidate. Passwords of relays are kept apart: they
show as `********`, and that mask, pasted, keeps the password that is there.
"""


def document() -> str:
    """The whole page."""
    parts = [HEAD, "```\n", *(f"{line}\n" for line in shown(DIALOGUE).split("\n")), "```\n", WAYS, KEYS]
    for area, commands in AREAS.items():
        parts += [f"## {area}\n\n", "| command | what | on the box's own command line |\n|---|---|---|\n"]
        for command in commands:
            pattern = command.pattern.replace("...", "…").replace("|", "\\|")
            cli = f"`outbox {command.cli}`" if command.cli else ""
            parts.append(f"| `{pattern}` | {command.doc} | {cli} |\n")
        parts.append("\n")
    parts += ["## What the capitals stand for\n\n| word | what |\n|---|---|\n", *_arguments(), SETTINGS]
    return "".join(parts)


def _arguments() -> Iterator[str]:
    for argument in GRAMMAR.arguments.values():
        yield f"| `{argument.name}` | {argument.doc} |\n"


if __name__ == "__main__":
    sys.stdout.write(document())
