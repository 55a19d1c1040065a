"""Arguments of MAIL and RCPT -> values (RFC 5321 4.1.2, RFC 1870, 3461, 6152, 6531, 4954).

`argument` finds the path and the parameters, `mail_parameters` and `rcpt_parameters` check the latter. A refusal is the
reply's text. What devices get wrong is forgiven unless `strict`, and noted in words. Nothing raises on bad input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from appliance.core.envelope import Body, Notify, Ret
from appliance.core.reply import printable

SYNTAX: Final = "501 5.5.2 Syntax: {}:<address> [parameters]"
_USUAL: Final = re.compile(r'<([^<>"\s\\]*)>(?: +(\S.*))?')
_QUOTED: Final = re.compile(r'<((?:@[^:<>"]*:)?"(?:[^"\\]|\\.)*"@[^<>\s]+)>(?: +(\S.*))?')
_BRACKETS: Final = re.compile(r"[^<>]*<([^<>]*)>\s*(.*)")
_NAKED: Final = re.compile(r"([^<>\s]+)(?:\s+(.*))?")
_AROUND_AT: Final = re.compile(r"\s*@\s*")
_KEYWORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,40}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_XCHAR: Final = re.compile(r"\+([0-9A-F]{2})")
# They ask for a service that is not given here: ignoring them would be a lie.
_PROMISES: Final = frozenset(("REQUIRETLS", "MT-PRIORITY", "HOLDFOR", "HOLDUNTIL", "BY", "CONPERM", "RRVS", "MTRK"))


@dataclass(slots=True)
class Argument:
    """`path` without brackets; `parameters` keyword in upper case -> value ("" when none); `forgiven` in words."""

    path: str
    parameters: dict[str, str]
    forgiven: list[str] = field(default_factory=list)


def argument(text: str, word: str, strict: bool) -> Argument | str:
    """`word` is FROM or TO."""
    bad = SYNTAX.format("MAIL FROM" if word == "FROM" else "RCPT TO")
    if text[: len(word)].upper() != word:
        return bad
    rest = text[len(word) :]
    if not strict:
        rest = rest.lstrip(" ")
    if not rest.startswith(":"):
        return bad
    path_text = rest[1:].strip(" ")
    forgiven = ["space before the address"] if rest[1:2] == " " else []
    found = _USUAL.fullmatch(path_text) or _QUOTED.fullmatch(path_text)
    if strict and (found is None or forgiven):
        return bad
    if found is None:
        found = _BRACKETS.fullmatch(path_text) or _NAKED.fullmatch(path_text)
        forgiven.append("address out of its brackets" if "<" not in path_text else "spaces in the address")
    if found is None:
        return bad
    parameters = _parameters(found[2] or "")
    if isinstance(parameters, str):
        return parameters
    path = found[1] if '"' in found[1] else _AROUND_AT.sub("@", found[1].strip())
    return Argument(path, parameters, forgiven)


def _parameters(text: str) -> dict[str, str] | str:
    found: dict[str, str] = {}
    for each in text.split():
        keyword, equals, value = each.partition("=")
        keyword = keyword.upper()
        if not _KEYWORD.fullmatch(keyword) or (equals and not value) or len(found) >= 20:
            return "501 5.5.4 Malformed parameter"
        if keyword in found:
            return f"501 5.5.4 {keyword} given twice"
        found[keyword] = value
    return found


@dataclass(slots=True)
class MailParameters:
    size: int = 0
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str = ""


def mail_parameters(given: Argument, strict: bool) -> MailParameters | str:
    found = MailParameters()
    for keyword, value in given.parameters.items():
        refusal = _mail_parameter(found, keyword, value)
        if refusal == "unknown":
            refusal = _unknown(given, keyword, strict)
        if refusal:
            return refusal
    return found


def _mail_parameter(found: MailParameters, keyword: str, value: str) -> str:
    match keyword:
        case "SIZE":
            if not _NUMBER.fullmatch(value):
                return "501 5.5.4 SIZE is a number of octets"
            found.size = int(value)
        case "BODY":
            if value.upper() not in (Body.SEVEN_BIT, Body.EIGHT_BIT):
                return "501 5.5.4 BODY is 7BIT or 8BITMIME"
            found.body = Body(value.upper())
        case "SMTPUTF8":
            found.smtputf8 = not value
            return "" if found.smtputf8 else "501 5.5.4 SMTPUTF8 takes no value"
        case "RET":
            if value.upper() not in (Ret.FULL, Ret.HEADERS):
                return "501 5.5.4 RET is FULL or HDRS"
            found.ret = Ret(value.upper())
        case "ENVID":
            found.envid = xtext(value, 100)
            return "" if found.envid else "501 5.5.4 ENVID is xtext of at most 100 characters"
        case "AUTH":  # read and not trusted (RFC 4954 5)
            return _auth_parameter(value)
        case _:
            return "unknown"
    return ""


def _auth_parameter(value: str) -> str:
    return "" if value == "<>" or xtext(value, 500) else "501 5.5.4 AUTH is xtext"


def rcpt_parameters(given: Argument, strict: bool) -> tuple[frozenset[Notify], str] | str:
    """(NOTIFY, ORCPT), or the refusal."""
    notify: frozenset[Notify] = frozenset()
    original = ""
    for keyword, value in given.parameters.items():
        if keyword == "NOTIFY":
            words = value.upper().split(",")
            if not set(words) <= set(Notify) or len(words) != len(set(words)) or ("NEVER" in words and len(words) > 1):
                return "501 5.5.4 NOTIFY is NEVER alone, or some of SUCCESS, FAILURE, DELAY"
            notify = frozenset(Notify(word) for word in words)
        elif keyword == "ORCPT":
            kind, mark, address = value.partition(";")
            decoded = xtext(address, 500)
            if not mark or not _KEYWORD.fullmatch(kind) or not decoded or len(value) > 500:
                return "501 5.5.4 ORCPT is type;xtext of at most 500 characters"
            original = f"{kind.lower()};{decoded}"
        elif refusal := _unknown(given, keyword, strict):
            return refusal
    return notify, original


def _unknown(given: Argument, keyword: str, strict: bool) -> str:
    if strict or keyword in _PROMISES:
        return f"555 5.5.4 Parameter {printable(keyword, 40)} not recognized or not implemented"
    given.forgiven.append(f"unknown parameter {keyword}")
    return ""


def xtext(value: str, limit: int) -> str:
    """Decoded (RFC 3461 4); "" when it is malformed, too long, or hides what cannot be shown."""
    if not value or len(value) > limit or not (value.isascii() and _XTEXT.fullmatch(value)):
        return ""
    decoded = _XCHAR.sub(lambda found: chr(int(found[1], 16)), value)
    return decoded if decoded.isascii() and decoded.isprintable() else ""
