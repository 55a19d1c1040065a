"""What leaves the box: `render(item, capabilities of the next hop)` = header block + body stream.

Every conversion happens before here ends; whatever signs mail will stand at the end of `render`. A content that no
lawful conversion fits to the next hop is a Reply (5.6.3, 5.6.7, 5.6.9), never an exception; DamagedContent passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from appliance.core.capabilities import Capabilities
from appliance.core.commands import path
from appliance.core.convert import Converter, EightBitScan
from appliance.core.eight_bit import ascii_field
from appliance.core.envelope import Body
from appliance.core.header import split
from appliance.core.item import QueueItem
from appliance.core.reply import Reply
from appliance.ports import Content

HEADER_MAX: Final = 1 << 20  # octets looked at for the end of the header block


@dataclass(frozen=True, slots=True)
class Rendering:
    """`header` up to and with the empty line; `body` once readable; `size_bytes` of both together."""

    header: bytes
    body: AsyncIterator[bytes]
    size_bytes: int
    body_type: Body
    utf8: bool
    reverse: str


async def render(item: QueueItem, capable: Capabilities, content: Content) -> Rendering | Reply:
    """Fit `item` to the next hop."""
    if path(item.reverse_path, capable.utf8 and item.smtputf8) is None:
        sender = "the sender's address is internationalized and the next mail server cannot take that"
        return Reply(553, "5.6.7", sender)
    eight_bit = item.body is not Body.SEVEN_BIT or item.smtputf8
    if eight_bit and not (capable.eight_bit and (capable.utf8 or not item.smtputf8)):
        return await _downgrade(item, capable, content)
    return await _split(item, content.chunks(), content.size_bytes, item.body, capable.utf8 and item.smtputf8)


async def _downgrade(item: QueueItem, capable: Capabilities, content: Content) -> Rendering | Reply:
    """For a host without 8BITMIME or SMTPUTF8: what needs neither goes as it is."""
    scan = await _scan(content)
    if scan.header_found and item.smtputf8 and (plain := await _ascii_header(content)) is not None:
        content, scan = plain, await _scan(plain)
    if scan.header_found and item.smtputf8:
        return Reply(554, "5.6.9", "the header is internationalized and the next mail server cannot take that")
    if not scan.found or capable.eight_bit:
        body = Body.EIGHT_BIT if scan.found else Body.SEVEN_BIT
        return await _split(item, content.chunks(), content.size_bytes, body, False)
    if scan.obstacle:
        return Reply(554, "5.6.3", f"the next mail server takes 7-bit mail only and {scan.obstacle}")
    size = 0
    async for piece in _converted(content, scan):
        size += len(piece)
    return await _split(item, _converted(content, scan), size, Body.SEVEN_BIT, False)


async def _scan(content: Content) -> EightBitScan:
    scan = EightBitScan()
    async for chunk in content.chunks():
        scan.feed(chunk)
    scan.finish()
    return scan


@dataclass(slots=True)
class _Plain:
    """`content` with another header block in place of its own of `used` octets."""

    size_bytes: int
    header: bytes
    content: Content
    used: int

    async def chunks(self, offset: int = 0) -> AsyncIterator[bytes]:
        if offset < len(self.header):
            yield self.header[offset:]
        async for chunk in self.content.chunks(self.used + max(0, offset - len(self.header))):
            yield chunk


async def _ascii_header(content: Content) -> Content | None:
    """With its texts encoded (RFC 6409 8.1 lets us); None where an address holds the letters."""
    head = b""
    async for chunk in content.chunks():
        head += chunk
        if b"\r\n\r\n" in head or len(head) > HEADER_MAX:
            break
    found = split(head)
    encoded = [each.raw if each.raw.isascii() else ascii_field(each.raw) for each in found.fields]
    fields = [each for each in encoded if each is not None]
    if len(fields) < len(encoded) or not found.gap:
        return None
    header = b"".join(fields) + b"\r\n"
    return _Plain(content.size_bytes - found.used + len(header), header, content, found.used)


async def _converted(content: Content, scan: EightBitScan) -> AsyncIterator[bytes]:
    converter = Converter(scan.leaves, scan.dense)
    async for chunk in content.chunks():
        if piece := converter.feed(chunk):
            yield piece
    if piece := converter.finish():
        yield piece


async def _split(item: QueueItem, chunks: AsyncIterator[bytes], size_bytes: int, body: Body, utf8: bool) -> Rendering:
    reverse = path(item.reverse_path, utf8) or ""
    head = b""
    async for chunk in chunks:
        head = head + chunk if head else chunk
        if b"\r\n\r\n" in head or head.startswith(b"\r\n") or len(head) > HEADER_MAX:
            break
    end = 2 if head.startswith(b"\r\n") else head.find(b"\r\n\r\n") + 4
    header, first = (head[:end], head[end:]) if end > 3 or head.startswith(b"\r\n") else (head, b"")
    return Rendering(header, _rest(first, chunks), size_bytes, body, utf8, reverse)


async def _rest(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in chunks:
        yield chunk
