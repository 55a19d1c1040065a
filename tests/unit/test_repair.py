"""Header repairs: what is added, removed, encoded; and what is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.eight_bit import ascii_field
from appliance.core.header import split
from appliance.core.repair import LOOP, UNICODE_ADDRESS, Facts, Mended, mend

FACTS = Facts(
    received=b"Received: from x by y (Outbox 77) with ESMTP id Q\r\n",
    mark=b"Outbox 77",
    date="Mon, 23 Nov 2026 10:00:00 +0000",
    message_id="<Q@box.example>",
    sender="a@example.com",
    recipients=("b@example.net",),
)
GOOD = (
    b"Date: Mon, 23 Nov 2026 09:00:00 +0100\r\nFrom: A <a@example.com>\r\nMessage-ID: <1@pc>\r\n"
    b"MIME-Version: 1.0\r\nSubject: hi\r\n"
)


def mended(header: bytes, facts: Facts = FACTS) -> Mended:
    return mend(split(header).fields, facts)


def test_a_good_header_keeps_every_octet_below_our_received() -> None:
    header = GOOD + b"X-Odd :  two\r\n\t spaces \r\nReceived: from z\r\n"
    done = mended(header)
    assert done.header == FACTS.received + header
    assert (done.repairs, done.subject, done.message_id) == ([], "hi", "<1@pc>")


def test_missing_date_from_and_message_id_are_added() -> None:
    done = mended(b"Subject: x\r\nMIME-Version: 1.0\r\n")
    for line in (b"Date: " + FACTS.date.encode(), b"From: <a@example.com>", b"Message-ID: <Q@box.example>"):
        assert line + b"\r\n" in done.header
    assert done.repairs == ["added Date", "added From", "added Message-ID"]


def test_of_doubled_fields_the_first_is_kept() -> None:
    done = mended(GOOD + b"From: B <b@evil.example>\r\nDate: never\r\nMessage-ID: <2@pc>\r\n")
    assert done.header == FACTS.received + GOOD
    assert done.repairs == ["removed second From", "removed second Date", "removed second Message-ID"]


def test_doubled_mime_version_is_made_one() -> None:
    header = GOOD + b"Content-Type: text/plain\r\n"
    assert mended(header + b"MIME-Version: 1.0\r\n").header == FACTS.received + header


def test_a_missing_mime_version_is_added() -> None:
    done = mended(GOOD.replace(b"MIME-Version: 1.0\r\n", b""))
    assert b"\r\nMIME-Version: 1.0\r\n" in done.header and done.repairs == ["added MIME-Version"]


def test_bcc_is_removed_with_its_continuation_lines() -> None:
    done = mended(GOOD + b"Bcc: secret@example.org,\r\n other@example.org\r\nX-Last: y\r\n")
    assert done.header == FACTS.received + GOOD + b"X-Last: y\r\n" and done.repairs == ["removed Bcc"]


def test_an_empty_from_or_date_is_replaced() -> None:
    done = mended(b"From:\r\nDate: \r\nMessage-ID: <1@pc>\r\n")
    assert b"From: <a@example.com>\r\n" in done.header and b"From:\r\n" not in done.header


def test_8bit_text_is_encoded_unless_smtputf8_was_asked_for() -> None:
    header = GOOD.replace(b"hi", "Grüße aus Köln".encode())
    done = mended(header)
    assert done.header.isascii() and done.subject == "Grüße aus Köln" and done.repairs == ["encoded 8-bit Subject"]
    assert mended(header, replace(FACTS, smtputf8=True)).header == FACTS.received + header


def test_latin1_text_is_encoded_too() -> None:
    assert b"=?utf-8?B?R3LDvMOfZQ==?=" in mended(GOOD.replace(b"hi", "Grüße".encode("latin-1"))).header


def test_an_8bit_address_in_the_header_needs_smtputf8() -> None:
    assert mended(GOOD + "Cc: <jürgen@example.com>\r\n".encode()).refusal is UNICODE_ADDRESS


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Subject: Übergabe@Büro", "Übergabe@Büro"),
        ('Subject: "Übung" eins', '"Übung" eins'),
        ('From: "Müller, Jörg"<a@example.com>', '"Müller, Jörg" <a@example.com>'),
        ("To: Jörg M <a@example.com>, b@example.com (Büro)", "Jörg M <a@example.com>, b@example.com"),
        ('Content-Type: application/pdf; name="Prüfung März.pdf"', 'application/pdf; name="Prüfung März.pdf"'),
    ],
)
def test_8bit_text_reads_the_same_when_encoded(given: str, kept: str) -> None:
    octets = ascii_field(f"{given}\r\n".encode())
    assert octets is not None and octets.isascii()
    (value,) = message_from_bytes(octets + b"\r\n", policy=default).values()
    assert " ".join(str(value).split()) == kept


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (b"=?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?B?IQ==?=", "Grüße!"),
        (b"=?x-none?Q?a?=", "=?x-none?Q?a?="),
        (b"=?utf-8?B?/w==?=", "=?utf-8?B?/w==?="),
        (b"=?utf-8?B?A?=", "=?utf-8?B?A?="),
        (b"=?utf-8?Q?a=1B[2Jb=0D=0Ac=C2=9B?=", "a?[2Jb  c?"),
        (b"=?hex?Q?41?=", "=?hex?Q?41?="),
    ],
)
def test_a_subject_is_shown_as_people_read_it(given: bytes, shown: str) -> None:
    assert mended(GOOD.replace(b"hi", given)).subject == shown


def test_an_8bit_message_id_is_replaced() -> None:
    done = mended(GOOD.replace(b"<1@pc>", "<1@büro>".encode()))
    assert done.refusal is None and b"\r\nMessage-ID: <Q@box.example>\r\n" in done.header


@pytest.mark.parametrize("piece", ["<ü", '"ü', '"\\', "(ü", "ü ", '"ü('])
def test_hostile_8bit_fields_take_no_long_time(piece: str) -> None:
    raw = f"From: {piece * (200_000 // len(piece.encode()))}\r\n".encode()
    began = time.process_time()
    ascii_field(raw)
    assert time.process_time() - began < 3


def test_a_forced_from_keeps_the_old_one_as_reply_to() -> None:
    done = mended(GOOD, replace(FACTS, force_from="scanner@office.example"))
    assert b"\r\nFrom: <scanner@office.example>\r\n" in done.header
    assert b"\r\nReply-To: A <a@example.com>\r\n" in done.header and b"From: A" not in done.header
    assert done.repairs == ["replaced From by scanner@office.example", "kept the old From as Reply-To"]


def test_a_forced_from_leaves_a_reply_to_alone() -> None:
    done = mended(GOOD + b"Reply-To: c@example.org\r\n", replace(FACTS, force_from="scanner@office.example"))
    assert done.header.count(b"Reply-To") == 1 and b"c@example.org" in done.header


@pytest.mark.parametrize(("hops", "loop"), [(99, False), (100, False), (101, True), (100_000, True)])
def test_more_than_a_hundred_hops_are_a_loop(hops: int, loop: bool) -> None:
    assert (mended(GOOD + b"Received: from a by b; now\r\n" * hops).refusal is LOOP) is loop


@pytest.mark.parametrize(
    ("trace", "loop"),
    [
        (b"Received: by y (Outbox 77)\r\n\tfor <b@example.net>; now\r\n", True),
        (b"Received: by y (Outbox 77)\r\n\tfor <B@Example.Net>; now\r\n", True),
        (b"Received: by y (Outbox 77)\r\n\tfor <alias@office.example>; now\r\n", False),  # forwarded elsewhere
        (b"Received: by y (Outbox 77); now\r\n" * 3, True),
        (b"Received: by y (Outbox 78)\r\n\tfor <b@example.net>; now\r\n", False),
    ],
)
def test_a_message_that_came_through_us_for_the_same_recipient_is_a_loop(trace: bytes, loop: bool) -> None:
    assert (mended(trace + GOOD).refusal is LOOP) is loop


def test_undeclared_8bit_content_is_declared() -> None:
    done = mended(GOOD, replace(FACTS, eight_bit=True, declared=False))
    for line in (b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: 8bit"):
        assert b"\r\n" + line + b"\r\n" in done.header
    assert "declared 8-bit content" in done.repairs


def test_a_multipart_keeps_its_content_fields() -> None:
    header = GOOD + b"Content-Type: multipart/mixed; boundary=x\r\n"
    done = mended(header, replace(FACTS, eight_bit=True, declared=False))
    assert done.header == FACTS.received + header


def test_re_encoded_content_says_so() -> None:
    header = GOOD + b"Content-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\n"
    done = mended(header, replace(FACTS, quoted_printable=True))
    assert b"\r\nContent-Transfer-Encoding: quoted-printable\r\n" in done.header and b"7bit" not in done.header


def test_a_field_of_several_thousand_octets_is_folded() -> None:
    done = mended(GOOD + b"X-Long: " + b"word " * 1000 + b"\r\nX-Solid: " + b"z" * 5000 + b"\r\n")
    assert max(map(len, done.header.split(b"\r\n"))) <= 998
    assert done.header.count(b"z") - FACTS.received.count(b"z") == 5000


@pytest.mark.parametrize(
    ("octets", "names", "used"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nbody", ["a", "b"], 14),
        (b"A: 1\r\nno field at all\r\n\r\nx", ["a"], 6),
        (b"just text\r\n\r\nmore", [], 0),
        (b"\r\nbody", [], 2),
        (b"", [], 0),
        (b"From a@b Mon\r\nA: 1\r\n\r\n", ["a"], 22),
        (b" starts with space\r\nA: 1\r\n", [], 0),
        (b"A: 1\r\n\tfolded: yes\r\n\r\n", ["a"], 22),
    ],
)
def test_the_header_ends_at_the_empty_line_or_where_no_field_is(octets: bytes, names: list[str], used: int) -> None:
    found = split(octets)
    assert ([each.name for each in found.fields], found.used) == (names, used)


@given(st.binary(max_size=300))
def test_no_octets_make_it_raise_or_let_an_8bit_or_long_line_out(octets: bytes) -> None:
    header = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    done = mended(header + b"\r\n")
    if done.refusal is None:
        assert done.header.isascii() and max(map(len, done.header.split(b"\r\n"))) <= 998
        assert b"\r\n\r\n" not in done.header and done.header.endswith(b"\r\n")
