"""8-bit text in a header field -> ASCII that means the same (RFC 2047 words; RFC 2231 for parameters), and back.

`ascii_field` takes a raw field (name, colon, value, CRLF; folded or not) and returns it encoded, or None when the
letters stand in an address, which no encoding can hold (RFC 6532), or it is no field at all. Text that is not UTF-8 is
read as windows-1252.
`readable` is the way back, for people. Pure, linear in its input; nothing raises.
"""

from __future__ import annotations

import re
from base64 import b64encode
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final
from urllib.parse import quote_from_bytes

_ADDRESSES: Final = frozenset(
    (
        *("from", "sender", "reply-to", "to", "cc", "return-path", "disposition-notification-to", "errors-to"),
        *("resent-from", "resent-sender", "resent-to", "resent-cc", "resent-reply-to"),
    )
)
_WITH_PARAMETERS: Final = frozenset(("content-type", "content-disposition"))
_WORD: Final = re.compile(rb"[ \t\r\n]+|[^ \t\r\n]+")
_TOKEN: Final = re.compile(  # bounded, since each may be looked for in vain at every place
    rb'[ \t\r\n]+|"(?:[^"\\]|\\.){0,120}"|<[^<>]{0,320}>|\([^()]{0,250}\)|[,;:]|[^ \t\r\n"<(,;:]+|.', re.DOTALL
)
_PARAMETER: Final = re.compile(rb'([!-9<>-~]{1,60})="((?:[^"\\]|\\.)*)"|([!-9<>-~]{1,60})=([^ \t\r\n;"]+)')
_READ_MAX: Final = 1000  # characters of a value that are decoded
_PIECE: Final = 45  # octets in one encoded word
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)


def ascii_field(raw: bytes) -> bytes | None:
    name, colon, value = raw.partition(b":")
    if not (colon and name.isascii()):
        return None
    kind = name.strip().lower().decode("ascii", "replace")
    if kind in _WITH_PARAMETERS:
        value = _PARAMETER.sub(_extended, value)
    tokens = _TOKEN.findall(value) if kind in _ADDRESSES else _WORD.findall(value)
    encoded = _phrases(tokens) if kind in _ADDRESSES else _texts(tokens)
    return None if encoded is None else name + colon + encoded


def _texts(words: list[bytes]) -> bytes:
    """Words of free text; the space between two encoded ones belongs to the second (RFC 2047 6.2)."""
    done: list[bytes] = []
    after_word = False
    for word in words:
        if word.isascii():
            done.append(word)
            after_word = after_word and word.isspace()
        else:
            done.append(encoded_words(" " * after_word + text(word)))
            after_word = True
    return b"".join(done)


def _phrases(tokens: list[bytes]) -> bytes | None:
    """Names and comments of an address list."""
    done: list[bytes] = []
    after_word = apart = False
    for token in tokens:
        if token.isascii():
            if apart and not token.isspace() and token not in b",;:":
                done.append(b" ")
            done.append(token)
            after_word, apart = after_word and token.isspace(), False
            continue
        if token.startswith(b"(") and token.endswith(b")"):
            done.append(b"(" + encoded_words(text(token[1:-1])) + b")")
            after_word = apart = False
            continue
        quoted = token.startswith(b'"') and len(token) > 1
        if token.startswith(b"<") or (b"@" in token and not quoted):
            return None
        plain = _ESCAPE.sub(rb"\1", token[1:-1]) if quoted else token
        if done and not done[-1][-1:].isspace():
            done.append(b" ")
        done.append(encoded_words(" " * after_word + text(plain)))
        after_word = apart = True
    return b"".join(done)


def _extended(found: re.Match[bytes]) -> bytes:
    """A parameter in the form of RFC 2231."""
    if found[0].isascii():
        return found[0]
    name, value = (found[1], _ESCAPE.sub(rb"\1", found[2])) if found[1] else (found[3], found[4])
    clean = " ".join(text(value).split())
    return name.rstrip(b"*") + b"*=utf-8''" + quote_from_bytes(clean.encode(), safe="").encode()


def text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("windows-1252", "replace")


def encoded_words(plain: str) -> bytes:
    """RFC 2047 words of at most 75 octets each."""
    if "\r" in plain:
        plain = plain.replace("\r\n", "")
    octets = plain.encode("utf-8", "replace")
    pieces: list[bytes] = []
    while octets:
        stop = min(_PIECE, len(octets))
        while stop < len(octets) and octets[stop] & 0xC0 == 0x80:
            stop -= 1
        pieces.append(b"=?utf-8?B?" + b64encode(octets[:stop]) + b"?=")
        octets = octets[stop:]
    return b"\r\n ".join(pieces)


def readable(value: str) -> str:
    """`value` with its encoded words decoded, or as it is where that fails. It may hold control characters then."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value[:_READ_MAX])))
    except (HeaderParseError, LookupError, ValueError):
        return value
