"""No octets make a parser raise, grow without bound, or let a control character or a line end through.

EXAMPLES (environment) are tried for each of them; what failed once is kept by hypothesis and tried first.
"""

import os
import shutil
import tempfile
from pathlib import Path

import dns.exception
import dns.message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.core import mailbox
from appliance.core.body import LINE_MAX, BodyFilter
from appliance.core.capabilities import Capabilities
from appliance.core.convert import Converter, EightBitScan
from appliance.core.dsn import header_block
from appliance.core.header import split
from appliance.core.lines import ChunkReader, DotReader
from appliance.core.repair import mend
from appliance.core.smtp_reply import BadReply, ReplyParser
from appliance.delivery.resolver import RECORDS_MAX, Resolver
from appliance.intake.syntax import argument, mail_parameters, rcpt_parameters
from appliance.settings.schema import Dns
from appliance.spool.place import packed, unpacked
from appliance.spool.record import HEADER_BYTES, Kind, Stamp, pack, unpack
from tests.fakes.clock import FakeClock
from tests.room.test_spool import opened
from tests.unit.test_repair import FACTS

EXAMPLES = int(os.environ.get("EXAMPLES", "300"))
SLOW = max(20, EXAMPLES // 50)  # where each example opens files
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
fuzz_slow = settings(fuzz, max_examples=SLOW)


def near(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Octets near to lawful ones: pieces cut, doubled, joined, with random octets between."""
    words = [seed[at : at + 7] for seed in seeds for at in range(0, len(seed), 7)]
    piece = st.one_of(st.sampled_from([*seeds, *words]), st.binary(max_size=6))
    return st.one_of(st.binary(max_size=400), st.lists(piece, max_size=20).map(b"".join))


COMMANDS = near(
    b"FROM:<a@x.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=a+2Bb SMTPUTF8 AUTH=<>",
    b'TO:<@r.example:"quo\\ ted"@[IPv6:2001:db8::1]> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40y.example',
    b' : < "\\" >@[127.0.0.1]',
)


@fuzz
@given(COMMANDS, st.sampled_from(["FROM", "TO"]), st.booleans())
def test_arguments_of_commands(octets: bytes, word: str, strict: bool) -> None:
    text = octets.decode("utf-8", "replace")
    found_ = argument(text, word, strict)
    answers = (
        [found_] if isinstance(found_, str) else [mail_parameters(found_, strict), rcpt_parameters(found_, strict)]
    )
    for each in answers:
        if isinstance(each, str):
            assert each[:1] in "45" and "\r" not in each and "\n" not in each
    if not isinstance(found_, str) and (found := mailbox.parse(found_.path)) is not None:
        assert mailbox.parse(str(found)) == found
        assert not set(str(found)) & set("\r\n\0<>") or found.local.startswith('"')


CONTENT = near(b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\r\n..\r\n", b"text\r\n", b"\0", b".", b"\r", b"\n")


@fuzz
@given(CONTENT, st.integers(1, 40), st.booleans())
def test_content_that_comes_in(octets: bytes, size: int, lf: bool) -> None:
    reader, out, rest = DotReader(lf), b"", None
    for at in range(0, len(octets), size):
        piece, rest = reader.feed(octets[at : at + size])
        out += piece
        if rest is not None:
            break
    clean = out.replace(b"\r\n", b"")
    assert b"\r" not in clean and b"\n" not in clean
    chunks = ChunkReader()
    got = b"".join([chunks.feed(octets[at : at + size]) for at in range(0, len(octets), size)]) + chunks.feed(b"", True)
    clean = got.replace(b"\r\n", b"")
    assert b"\r" not in clean and b"\n" not in clean


@fuzz
@given(CONTENT, st.integers(1, 40), st.booleans())
def test_bodies(octets: bytes, size: int, quoted: bool) -> None:
    lines = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    body = BodyFilter()
    body.quoted_printable = quoted
    out = b"".join([body.feed(lines[at : at + size]) for at in range(0, len(lines), size)]) + body.finish()
    assert max(map(len, out.split(b"\r\n"))) <= LINE_MAX


HEADERS = near(
    b"Received: from x by y; Tue, 3 Mar 2026 10:00:00 +0100\r\n",
    b"From: =?utf-8?q?a?= <a@x.example>\r\nTo: b@y.example,\r\n c@z.example\r\n",
    b'Content-Type: multipart/mixed; boundary="=_b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--=_b\r\n',
    b"Bcc: \xff\r\nSubject: \xc3\xa4\r\n\r\n",
)


@fuzz
@given(HEADERS)
def test_headers(octets: bytes) -> None:
    lines = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    found = split(lines)
    assert 0 <= found.used <= len(lines)
    done = mend(found.fields, FACTS)
    if done.refusal is None:
        assert b"\r\n\r\n" not in done.header and done.header.endswith(b"\r\n")
        assert b"\r" not in done.header.replace(b"\r\n", b"")
    assert len(header_block(lines)) <= len(lines) + 2
    scan = EightBitScan()
    scan.feed(lines)
    scan.finish()
    converter = Converter(scan.leaves, scan.dense)
    out = converter.feed(lines) + converter.finish()
    assert scan.obstacle or out.isascii()


REPLIES = near(
    b"250-mx.y.example\r\n250-SIZE 100\r\n250 PIPELINING\r\n", b"550 5.1.1 <b@y> no\x1b[2J\r\n", b"421\r\n", b"\n"
)


@fuzz
@given(REPLIES, st.integers(1, 50))
def test_replies_of_hosts(octets: bytes, size: int) -> None:
    parser = ReplyParser()
    try:
        for at in range(0, len(octets), size):
            for reply in parser.feed(octets[at : at + size]):
                Capabilities.parse(reply.lines)
                said = reply.reply("mx.y.example[192.0.2.1]")
                assert 200 <= said.code <= 599 and str(said).isprintable()
    except BadReply:
        pass


def dns_answer() -> bytes:
    query = dns.message.make_query("y.example.", "MX", use_edns=0)
    response = dns.message.make_response(query)
    lines = (
        "y.example. 60 IN CNAME z.example.\nz.example. 60 IN MX 10 mx.z.example.\nz.example. 5 IN MX 20 a.z.example."
    )
    for line in lines.splitlines():
        name, ttl, _, kind, data = line.split(None, 4)
        response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
    return response.to_wire()


ANSWER = dns_answer()


@fuzz
@given(st.lists(st.tuples(st.integers(0, len(ANSWER) - 1), st.integers(0, 255)), max_size=12), st.integers(0, 40))
def test_answers_of_dns_servers(changes: list[tuple[int, int]], cut: int) -> None:
    octets = bytearray(ANSWER)
    for at, octet in changes:
        octets[at] = octet
    resolver = Resolver(Dns(servers=("192.0.2.53",)), FakeClock())
    try:
        answer = resolver._read(dns.message.from_wire(bytes(octets[: len(octets) - cut])), "y.example", ("x", 53))
    except (dns.exception.DNSException, EOFError, ValueError, IndexError):
        return  # what `_ask_one` takes for nonsense
    assert answer.outcome in ("found", "nodata", "nxdomain", "alias", "failed")
    assert len(answer.values) <= RECORDS_MAX and 0 <= answer.ttl_s <= 86400
    assert all(value.isprintable() for value in answer.values)


RECORD = pack(Kind.COMMIT, b'{"item":1}', b"content", Stamp(3, 5, 2, 9, True), b"salt")


@fuzz
@given(near(RECORD, RECORD[:HEADER_BYTES]))
def test_records_of_the_spool(octets: bytes) -> None:
    header = unpack(octets, b"salt", 3)
    assert header is None or octets[:HEADER_BYTES] == RECORD[:HEADER_BYTES]


@fuzz
@given(st.one_of(near(packed(b"a letter " * 50) or b""), st.binary()), st.integers(1, 500))
def test_packed_contents(octets: bytes, raw: int) -> None:
    content = unpacked(octets, raw)
    assert content is None or len(content) == raw


@fuzz_slow
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 9000)), max_size=3),
)
def test_a_spool_whose_card_went_mad(flips: list[tuple[float, int]], holes: list[tuple[float, int]]) -> None:
    """Opening it never raises, and what it gives out is what was written."""
    with tempfile.TemporaryDirectory(prefix="outbox-fuzz-") as name:
        folder = Path(name)
        for path in _golden().iterdir():
            octets = bytearray(path.read_bytes())
            used = len(octets.rstrip(b"\0"))
            for where, octet in flips:
                octets[int(where * used)] = octet
            for where, count in holes:
                octets[int(where * used) : int(where * used) + count] = bytes(count)
            (folder / path.name).write_bytes(octets[: len(path.read_bytes())])
        spool = opened(folder)
        assert {item.queue_id for item in spool.items()} <= {"Q1", "Q2", "Q3", "Q5"}
        assert len(spool.damage) < 1000
        spool.store.close()


_FOLDER: list[Path] = []


def _golden() -> Path:
    """The kept spool, unpacked once."""
    if not _FOLDER:
        import atexit
        import tarfile

        from tests.room.test_spool_formats import GOLDEN

        folder = Path(tempfile.mkdtemp(prefix="outbox-golden-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        with tarfile.open(sorted(GOLDEN.glob("spool-format-*.tar.xz"))[-1]) as archive:
            archive.extractall(folder, filter="data")
        _FOLDER.append(folder)
    return _FOLDER[0]
