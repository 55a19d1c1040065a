"""The grammar: one table of commands -> parsing, abbreviation, completion, help.

A pattern such as "queue hold ID [REASON...]" has words in small letters, arguments in capitals, what may be left out in
brackets (from there to the end), and dots after an argument that takes the rest of the line. A word may be cut to any
prefix that no other word at its place shares. `parse` raises Wrong, with the column and one plain sentence; completion
and help never raise.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.console.call import Box, Handler
from appliance.console.split import Word, quoted, split
from appliance.core.reply import printable

SHOWN_MAX: Final = 12  # words in a hint


class Wrong(Exception):
    """The line is no command: `at` is the column of the word that is wrong."""

    def __init__(self, at: int, words: str) -> None:
        super().__init__(words)
        self.at = at


def _anything(text: str) -> str:
    return ""


def _nothing(box: Box) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Argument:
    """`choices`: the only lawful words, if any; `check`: "" or what would be right; `known`: what completion offers,
    asked of the box when it is needed."""

    name: str
    doc: str
    choices: tuple[str, ...] = ()
    check: Callable[[str], str] = _anything
    known: Callable[[Box], Iterable[str]] = _nothing

    def value(self, word: Word) -> str:
        """What was meant. Raises Wrong."""
        if self.choices:
            begun = [choice for choice in self.choices if choice.startswith(word.text.lower())]
            if word.text.lower() in self.choices or len(begun) == 1:
                return word.text.lower() if word.text.lower() in self.choices else begun[0]
            raise Wrong(word.at, f"{self.name} is one of {_listed(list(self.choices))}")
        if expected := self.check(word.text):
            raise Wrong(word.at, f"{self.name} should be {expected}")
        return word.text


@dataclass(frozen=True, slots=True)
class Command:
    """`configure`: only in configure mode. `cli`: the words of `outbox …` that do the same. `whole`: its last word may
    not be abbreviated, since it does what cannot be taken back."""

    pattern: str
    doc: str
    handler: Handler
    arguments: tuple[Argument, ...] = ()
    configure: bool = False
    cli: str = ""
    whole: bool = False


@dataclass(slots=True)
class Node:
    """A place in a line: what may come next, and the command if the line may end here."""

    doc: str = ""
    words: dict[str, Node] = field(default_factory=dict)
    argument: Argument | None = None
    after: Node | None = None  # the argument
    command: Command | None = None
    anywhere: bool = False  # there is more here than what only configure mode has
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    command: Command
    args: dict[str, str]


class Grammar:
    """`groups` explains words that are no command by themselves; `arguments` those that several commands have."""

    def __init__(
        self, commands: Iterable[Command], groups: Mapping[str, str], arguments: Mapping[str, Argument]
    ) -> None:
        self.commands, self._groups, self.arguments = tuple(commands), groups, arguments
        self.root = Node(anywhere=True)
        for command in self.commands:
            self._add(command)

    def parse(self, line: str, configuring: bool = False) -> Parsed:
        """The command in `line` and its arguments. Raises Wrong."""
        node, args = self.root, dict[str, str]()
        for word in split(line):
            node, name, value = self._step(node, word, configuring)
            if name:
                args[name] = f"{args[name]} {value}" if name in args else value
        if node.command is None:
            raise Wrong(
                len(line.rstrip()), "the line is not complete; it goes on with " + self._next(node, configuring)
            )
        return Parsed(node.command, args)

    def complete(self, line: str, configuring: bool, box: Box) -> tuple[str, list[str]]:
        """The text to append, and what to list when there are several ways."""
        node, begun = self._at_end(line, configuring)
        if node is None:
            return "", []
        offered = [word for word in _open(node, configuring) if word.startswith(begun.lower())]
        if node.argument is not None and (not offered or not begun):
            offered += [each for each in self._values(node.argument, box) if each.startswith(begun)]
        if len(offered) == 1:
            return offered[0][len(begun) :] + " ", []
        return _common(offered)[len(begun) :], sorted(offered)

    def help(self, line: str, configuring: bool) -> list[str]:
        """One line for each word that may come next."""
        node, begun = self._at_end(line, configuring)
        if node is None:
            try:
                self.parse(line.rstrip(), configuring)
            except Wrong as wrong:
                return [f"% {wrong}"]
            return []
        rows = [(word, node.words[word].doc) for word in _open(node, configuring) if word.startswith(begun.lower())]
        if node.argument is not None and (not rows or not begun):
            choices = f" ({_listed(list(node.argument.choices))})" if node.argument.choices else ""
            rows.append((node.argument.name, node.argument.doc + choices))
        if not begun and any(not after.anywhere for after in node.words.values()) and not configuring:
            rows.append(("…", "and more in configure mode: configure terminal"))
        if node.command is not None and not begun:
            rows.append(("<Enter>", node.command.doc))
        width = max((len(word) for word, _ in rows), default=0)
        return [f"  {word:{width}}  {doc}" for word, doc in rows] or [
            f'% no word here begins with "{printable(begun, 40)}"'
        ]

    def _at_end(self, line: str, configuring: bool) -> tuple[Node | None, str]:
        """The node before the word that is being typed, and that word; None when the line is wrong before."""
        words, begun = split(line), ""
        if words and not line[-1:].isspace():
            begun = words.pop().text
        node = self.root
        try:
            for word in words:
                node = self._step(node, word, configuring)[0]
        except Wrong:
            return None, ""
        return node, begun

    def _step(self, node: Node, word: Word, configuring: bool) -> tuple[Node, str, str]:
        """The next node; the argument's name and value when it was one. Raises Wrong."""
        typed = word.text.lower().replace("_", "-")
        begun = [] if word.quoted else [each for each in _open(node, configuring) if each.startswith(typed)]
        short = [each for each in begun if not node.words[each].whole]
        if typed in begun or len(short) == 1:
            return node.words[typed if typed in begun else short[0]], "", ""
        if node.argument is not None and node.after is not None:
            return node.after, node.argument.name.lower(), node.argument.value(word)
        shown = printable(word.text, 40)
        if short:
            raise Wrong(word.at, f'"{shown}" may be {_listed(short)}')
        if begun:
            raise Wrong(word.at, f'"{begun[0]}" has to be typed in full')
        if not word.quoted and any(each.startswith(typed) for each in node.words):
            raise Wrong(word.at, f'"{shown}" is a word of configure mode; type "configure terminal" first')
        if not node.words:
            raise Wrong(word.at, f'nothing follows here, so "{shown}" is too much')
        near = difflib.get_close_matches(typed, [*_open(node, configuring)], 3)
        hint = f"perhaps {_listed(near)}" if near else "there is " + self._next(node, configuring)
        raise Wrong(word.at, f'no word here begins with "{shown}"; {hint}')

    def _next(self, node: Node, configuring: bool) -> str:
        words = [*_open(node, configuring)] + ([node.argument.name] if node.argument else [])
        return _listed(words)

    def _values(self, argument: Argument, box: Box) -> list[str]:
        return [choice for choice in argument.choices if choice] or [
            quoted(each) for each in argument.known(box) if each.isprintable()
        ]

    def _add(self, command: Command) -> None:
        node, so_far = self.root, list[str]()
        own = {argument.name: argument for argument in command.arguments}
        for part in command.pattern.split():
            if part.startswith("["):
                node.command = node.command or command
            name = part.strip("[].")
            if name.isupper():
                node = self._add_argument(node, own.get(name) or self.arguments[name], "..." in part)
            else:
                so_far.append(name)
                node = node.words.setdefault(name, Node())
                node.doc = node.doc or self._groups.get(" ".join(so_far), "") or command.doc
                node.whole |= command.whole and so_far == _words(command.pattern)
            node.anywhere |= not command.configure
        node.command = command

    def _add_argument(self, node: Node, argument: Argument, rest: bool) -> Node:
        if node.after is None:
            node.argument, node.after = argument, Node()
            if rest:
                node.after.argument, node.after.after = argument, node.after
        return node.after


def _open(node: Node, configuring: bool) -> Iterator[str]:
    return (word for word, after in node.words.items() if after.anywhere or configuring)


def _listed(words: list[str]) -> str:
    more = ["…"] if len(words) > SHOWN_MAX else []
    return ", ".join([*(word or '""' for word in words[:SHOWN_MAX]), *more])


def _words(pattern: str) -> list[str]:
    return [part for part in pattern.split() if part.islower() and not part.startswith("[")]


def _common(words: list[str]) -> str:
    """What all begin with."""
    first, last = min(words, default=""), max(words, default="")
    return first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
