"""8-bit mail for a 7-bit host: the same text after decoding, or a reason why it cannot be (RFC 6152 3)."""

import email
import email.policy
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.convert import DEPTH_MAX, HEADER_MAX, LINE_MAX, Converter, EightBitScan

HEAD = "From: a@x.example\r\nMIME-Version: 1.0\r\n"
TEXT = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"


def convert(text: str, piece: int) -> tuple[EightBitScan, bytes]:
    octets = text.encode()
    scan = EightBitScan()
    pieces = [octets[at : at + piece] for at in range(0, len(octets), piece)]
    for each in pieces:
        scan.feed(each)
    scan.finish()
    converter = Converter(scan.leaves, scan.dense)
    return scan, b"".join([converter.feed(each) for each in pieces]) + converter.finish()


def texts(octets: bytes) -> list[tuple[str, bytes]]:
    whole: Message = email.message_from_bytes(octets, policy=email.policy.compat32)
    found = []
    for part in whole.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found.append((part.get_content_type(), payload))
    return found


SINGLE = HEAD + TEXT + "Grüße\r\n.\r\n" + "ä" * 200 + " \r\nplain = text\t\r\n\r\nend"
MULTI = (
    HEAD
    + 'Content-Type: multipart/mixed; boundary="=_b 1"\r\nContent-Transfer-Encoding: 8bit\r\n\r\npreamble\r\n'
    + "--=_b 1\r\n"
    + TEXT
    + "Grüße\r\n--=_b 1\r\nContent-Type: text/html\r\n\r\n<p>plain</p>\r\n--=_b 1\r\n"
    + "Content-Type: multipart/alternative;\r\n boundary=inner\r\n\r\n--inner\r\n"
    + TEXT
    + "Straße\r\n--inner--\r\n--=_b 1\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + "Subject: inside\r\n"
    + TEXT
    + "Äpfel\r\n--=_b 1\r\nContent-Type: application/x; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
    + "--=_b 1--\r\nepilogue\r\n"
)


@pytest.mark.parametrize("piece", [1, 7, 100000])
@pytest.mark.parametrize("text", [SINGLE, MULTI])
def test_the_text_is_the_same_after_decoding(text: str, piece: int) -> None:
    scan, octets = convert(text, piece)
    assert scan.found
    assert not scan.obstacle
    assert octets.isascii()
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
    assert b"8bit" not in octets
    before = [(kind, payload.rstrip(b"\r\n")) for kind, payload in texts(text.encode())]
    assert [(kind, payload.rstrip(b"\r\n")) for kind, payload in texts(octets)] == before


def test_parts_that_need_nothing_stay_as_they_are() -> None:
    _, octets = convert(MULTI, 4096)
    assert b"Content-Type: text/html\r\n\r\n<p>plain</p>\r\n" in octets
    assert octets.count(b"quoted-printable") == 3


@pytest.mark.parametrize("piece", [1, 100, 100000])
@pytest.mark.parametrize("ending", ["", "\r\n", "\r\n\r\n", "x\r\n"])
def test_a_part_that_is_shorter_in_base64_becomes_base64(piece: int, ending: str) -> None:
    greek = "".join("Αθήνα και Θεσσαλονίκη\r\n" for _ in range(40)) + ending
    inner = f"--b\r\n{TEXT}{greek}\r\n--b\r\n{TEXT}Grüße\r\n--b--\r\n"
    text = HEAD + f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{inner}"
    scan, octets = convert(text, piece)
    assert texts(octets) == texts(text.encode())
    assert octets.count(b": base64\r\n") == 1 and octets.count(b": quoted-printable\r\n") == 1
    assert max(len(line) for line in octets.split(b"\r\n")) <= 78
    assert len(octets) < len(convert_all_quoted(text))
    assert not scan.obstacle
    _, alone = convert(HEAD + TEXT + greek, piece)
    assert texts(alone) == [("text/plain", (greek if greek.endswith("\r\n") else greek + "\r\n").encode())]


def convert_all_quoted(text: str) -> bytes:
    scan = EightBitScan()
    scan.feed(text.encode())
    converter = Converter(scan.leaves)
    return converter.feed(text.encode()) + converter.finish()


def test_text_without_mime_is_given_a_type() -> None:
    _, octets = convert("Subject: x\r\n\r\nGrüße\r\n", 4096)
    whole = email.message_from_bytes(octets)
    assert (whole["MIME-Version"], whole.get_content_charset()) == ("1.0", "unknown-8bit")
    assert whole.get_payload(decode=True) == "Grüße\r\n".encode()


SIGNED = (
    HEAD
    + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n"
    + "--s\r\n"
    + TEXT
    + "{}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nxx\r\n--s--\r\n--o\r\n"
    + TEXT
    + "{}\r\n--o--\r\n"
)


@pytest.mark.parametrize(
    "text, word",
    [
        (SIGNED.format("Grüße", "x"), "signed"),
        ("Cc: grüße@x.example\r\n\r\nx\r\n", "header"),
        (HEAD + "Content-Transfer-Encoding: base64\r\n\r\nGrüße\r\n", "encoding"),
        (HEAD + "Content-Type: multipart/mixed; boundary=b\r\n\r\nGrüße\r\n--b\r\n\r\nx\r\n--b--\r\n", "8-bit text"),
        (HEAD + "Content-Type: message/partial; id=1\r\n\r\nGrüße\r\n", "8-bit text"),
        ("A: b\r\n\r\nü" + "x" * (LINE_MAX + 1), "line"),
        ("A: " + "x\r\n " * HEADER_MAX + "\r\n\r\nü", "header block"),
        (
            HEAD
            + "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(DEPTH_MAX + 1)),
            "nested",
        ),
    ],
)
def test_what_no_lawful_conversion_fits_says_why(text: str, word: str) -> None:
    scan, _ = convert(text, 4096)
    assert word in scan.obstacle


def test_text_beside_a_signed_part_may_be_converted() -> None:
    scan, octets = convert(SIGNED.format("plain", "Grüße"), 4096)
    assert not scan.obstacle
    assert octets.isascii()


LINES = st.sampled_from(
    [
        "",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: multipart/signed; boundary=c",
        "Content-Type: message/rfc822",
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: 8bit",
        "--b",
        "--b--",
        "--c",
        "--c--",
        "Grüße",
        " folded",
        "plain",
        "\r",
    ]
)


@given(st.lists(LINES, max_size=25), st.integers(1, 50))
def test_any_message_is_converted_or_refused(lines: list[str], piece: int) -> None:
    scan, octets = convert("\r\n".join(lines), piece)
    assert scan.obstacle or octets.isascii()


@given(st.binary(max_size=300))
def test_no_octets_break_the_conversion(octets: bytes) -> None:
    scan = EightBitScan()
    scan.feed(octets)
    scan.finish()
    converter = Converter(scan.leaves, scan.dense)
    out = converter.feed(octets) + converter.finish()
    assert scan.obstacle or out.isascii()


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_a_file_name_in_other_letters_is_encoded(piece: int) -> None:
    part = (
        '--b\r\nContent-Type: application/pdf;\r\n name="März.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n'
    )
    scan, octets = convert(HEAD + f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{part}--b--\r\n", piece)
    assert not scan.obstacle and scan.header_found and octets.isascii()
    (found,) = email.message_from_bytes(octets, policy=email.policy.default).iter_parts()
    assert found.get_filename() == "März.pdf" and octets.endswith(b"\r\n\r\neA==\r\n--b--\r\n")
