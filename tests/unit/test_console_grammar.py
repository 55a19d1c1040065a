"""The grammar: abbreviations, ambiguity, completion, help, the mark under the wrong word."""

from __future__ import annotations

import pytest

from appliance.console.call import Box
from appliance.console.faces import Places
from appliance.console.grammar import Wrong
from appliance.console.split import quoted, split
from appliance.console.table import GRAMMAR

NOWHERE = Box(Places("/nonexistent/relay", "/nonexistent/steward"))


@pytest.mark.parametrize(
    ("line", "pattern", "args"),
    [
        ("show queue", "show queue", {}),
        ("sh q", "show queue", {}),
        ("SH Queue", "show queue", {}),
        ("show |comp", "show | compare", {}),
        ("sh m ABC", "show message ID", {"id": "ABC"}),
        ("queue hold ABC too large", "queue hold ID [REASON...]", {"id": "ABC", "reason": "too large"}),
        ("com conf 5", "commit confirmed [MINUTES]", {"minutes": "5"}),
        ("commit", "commit [comment COMMENT...]", {}),
        ("set smtp port 2525", "set smtp port PORT", {"port": "2525"}),
        ("set dns server 192.0.2.1 [2001:db8::1]:53", "set dns server SERVER...",
         {"server": "192.0.2.1 [2001:db8::1]:53"}),
        ("set dns.servers 192.0.2.1", "set dns servers VALUE...", {"value": "192.0.2.1"}),
        ("set box mail_name a.example", "set box mail-name VALUE", {"value": "a.example"}),
        ("set domain.office.example.direct_attempts 3", "set domain NAME direct-attempts VALUE",
         {"name": "office.example", "value": "3"}),
        ("set listener lan tls st", "set listener NAME tls VALUE", {"name": "lan", "value": "starttls"}),
        ('set device 1 name "Copier, 2nd floor"', "set device NUMBER name VALUE...",
         {"number": "1", "value": "Copier, 2nd floor"}),
        ("no access 2", "no access NUMBER", {"number": "2"}),
        ('explain "MX host"', "explain WORD...", {"word": "MX host"}),
    ],
)  # fmt: skip
def test_a_line_is_the_command_that_was_meant(line: str, pattern: str, args: dict[str, str]) -> None:
    parsed = GRAMMAR.parse(line, True)
    assert (parsed.command.pattern, parsed.args) == (pattern, args)


@pytest.mark.parametrize(
    ("line", "at", "words"),
    [
        ("show quque", 5, "perhaps queue"),
        ("show s", 5, "may be status, storage"),
        ("queue hold", 10, "not complete"),
        ("set listener lan port 99999", 22, "from 0 to 65535"),
        ("set box owner nobody", 14, "a mailbox"),
        ("set box mail-name a..b", 18, "a domain"),
        ("exit now", 5, "nothing follows"),
        ("shutd", 0, "in full"),
        ("commit confirmed soon", 17, "whole number"),
        ('"show" queue', 0, "no word"),
        ("show \x1b[2J", 5, '"?[2J"'),
    ],
)
def test_what_is_wrong_is_said_with_its_column(line: str, at: int, words: str) -> None:
    with pytest.raises(Wrong) as wrong:
        GRAMMAR.parse(line, True)
    assert wrong.value.at == at and words in str(wrong.value)
    assert "\x1b" not in str(wrong.value)


def test_settings_are_changed_in_configure_mode_only() -> None:
    with pytest.raises(Wrong, match="configure terminal"):
        GRAMMAR.parse("set smtp port 25")
    assert GRAMMAR.parse("set clock 2026-11-24 12:00").args == {"time": "2026-11-24 12:00"}


def test_what_cannot_be_taken_back_has_to_be_typed_in_full() -> None:
    for word in ("shutdown", "reboot", "factory-reset", "restore", "erase"):
        assert GRAMMAR.parse(word).command.pattern == word
        with pytest.raises(Wrong):
            GRAMMAR.parse(word[:-1])


@pytest.mark.parametrize(
    ("line", "text", "listed"),
    [
        ("show qu", "eue ", []),
        ("sh", "", ["show", "shutdown"]),
        ("shu", "tdown ", []),
        ("show s", "t", ["status", "storage"]),
        ("set listener lan tl", "s", ["tls", "tls-minimum"]),
        ("set listener lan tls im", "plicit ", []),
        ("explain gre", "ylisting ", []),
        ("nonsense ", "", []),
        ("show message ", "", []),
    ],
)
def test_tab_appends_what_is_certain_and_lists_the_rest(line: str, text: str, listed: list[str]) -> None:
    assert GRAMMAR.complete(line, True, NOWHERE) == (text, listed)


def test_help_tells_at_any_point_what_may_come() -> None:
    assert any(line.split()[:1] == ["queue"] for line in GRAMMAR.help("show ", False))
    assert any(line.split()[:1] == ["<Enter>"] for line in GRAMMAR.help("commit ", False))
    assert any("shipped starttls" in line for line in GRAMMAR.help("set relay x tls ", True))
    assert GRAMMAR.help("show nonsense ", False)[0].startswith("% ")
    assert not any(line.split()[:1] == ["set"] and "dns" in line for line in GRAMMAR.help("set ", False))


def test_every_word_and_argument_has_its_help() -> None:
    places = [GRAMMAR.root]
    while places:
        node = places.pop()
        for word, after in node.words.items():
            assert after.doc, word
            places.append(after)
        if node.argument is not None and node.after is not node:
            assert node.argument.doc and node.after is not None
            places.append(node.after)


def test_a_text_in_quotes_is_one_word_again() -> None:
    for text in ("plain", "two words", 'a "quoted" one', "back\\slash", "", "|", "ends with \\"):
        assert [word.text for word in split(f"x {quoted(text)} y")] == ["x", text, "y"], text
