import email
import email.policy
from email.message import EmailMessage
from typing import cast

import pytest

from appliance.core.cures import cure
from appliance.core.dsn import Action, Report, compose, report_id
from appliance.core.envelope import Arrival, Envelope, Recipient
from appliance.core.item import Event, Progress, QueueItem
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.delivery.attempt import exhausted

HEADERS = b"From: a@x.example\r\nSubject: scan\r\n"


def item(*recipients: Recipient, subject: str = "scan") -> QueueItem:
    envelope = Envelope(Mailbox("a", "x.example"), recipients, envid="env-1")
    made = QueueItem.new("Q1", envelope, Arrival(1000.0, "192.0.2.7", device="Copier", subject=subject), 9)
    for row in made.progress:
        row.step(
            Event.FAIL, Reply.of("550 5.1.1 no such\r\nuser\r\nAction: delivered", "mx.y.example[192.0.2.9]"), 2000.0
        )
    return made


def parsed(made: QueueItem, rows: list[Progress] | None = None) -> EmailMessage:
    content = compose(
        Report(made, Action.FAILED, rows or made.progress, HEADERS, False, "box.office.example", 3000.0, "a@x.example")
    )
    assert b"\n" not in content.replace(b"\r\n", b"") and b"\r" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    return email.message_from_bytes(content, policy=email.policy.default)


def test_a_failure_report_has_three_parts_that_parse() -> None:
    message = parsed(item(Recipient(Mailbox("b", "y.example"), original="rfc822;b@y.example")))
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    text, status, returned = message.iter_parts()
    assert "Check the spelling" in text.get_content() and "Copier" in text.get_content()
    general, recipient = cast(list[EmailMessage], status.get_payload())
    assert general["Reporting-MTA"] == "dns; box.office.example"
    assert general["Original-Envelope-Id"] == "env-1"
    assert recipient["Final-Recipient"] == "rfc822; b@y.example"
    assert recipient["Original-Recipient"] == "rfc822;b@y.example"
    assert recipient["Status"] == "5.1.1"
    assert recipient["Remote-MTA"] == "dns; mx.y.example"
    assert returned.get_content_type() == "text/rfc822-headers"


def test_remote_words_start_no_line_of_their_own() -> None:
    message = parsed(item(Recipient(Mailbox("b", "y.example")), subject="x\r\nBcc: evil@z.example"))
    status = list(message.iter_parts())[1]
    recipient = cast(list[EmailMessage], status.get_payload())[1]
    assert recipient.get_all("Action") == ["failed"]
    assert message["Bcc"] is None


def test_a_report_of_old_mail_quotes_the_host_and_gives_the_reason_as_status() -> None:
    made = item(Recipient(Mailbox("b", "y.example")))
    made.progress[0].reply = exhausted(Reply.of("450 4.2.0 busy", "mx.y.example[192.0.2.9]"))
    text, status, _ = parsed(made).iter_parts()
    recipient = cast(list[EmailMessage], status.get_payload())[1]
    assert recipient["Status"] == "4.4.7" and recipient["Diagnostic-Code"] == "smtp; 450 4.2.0 busy"
    assert "mx.y.example[192.0.2.9] said: 450 4.2.0 busy\r\n" in text.get_content()


def test_what_the_box_decided_is_not_blamed_on_the_recipients_server() -> None:
    assert "card" in cure(Reply(554, "5.3.0", "the card no longer gives back what was written"))
    assert "runs this box" in cure(Reply(550, "5.7.0", "bounced by the operator"))
    assert "recipient's server refused" in cure(Reply(554, "5.3.0", "no", "mx.y.example"))


def test_three_hundred_recipients_make_one_bounded_report() -> None:
    made = item(*(Recipient(Mailbox(f"u{n}", "y.example")) for n in range(300)))
    text, status, _ = parsed(made).iter_parts()
    assert "and 200 more" in text.get_content()
    assert len(cast(list[EmailMessage], status.get_payload())) == 101


def test_utf8_recipients_make_a_report_that_any_host_takes() -> None:
    message = parsed(item(Recipient(Mailbox("bücher", "y.example"), original="utf-8;bücher@y.example")))
    status = list(message.iter_parts())[1]
    recipient = cast(list[EmailMessage], status.get_payload())[1]
    assert recipient["Final-Recipient"] == "utf-8; b\\x{FC}cher@y.example"
    assert recipient["Original-Recipient"] == "utf-8;b\\x{FC}cher@y.example"


@pytest.mark.parametrize("at", [-1e20, 1e20, 0.0])
def test_an_impossible_time_is_no_exception(at: float) -> None:
    made = item(Recipient(Mailbox("b", "y.example")))
    assert compose(Report(made, Action.DELAYED, made.progress, b"", False, "n", at, "t@x"))


def test_the_id_of_a_report_follows_from_its_cause() -> None:
    made = item(Recipient(Mailbox("b", "y.example")))
    assert report_id(made, Action.FAILED, made.progress) == report_id(made, Action.FAILED, made.progress)
    assert report_id(made, Action.FAILED, made.progress) != report_id(made, Action.DELAYED, made.progress)


def test_the_fields_are_ascii_whatever_the_remote_host_says() -> None:
    made = item(Recipient(Mailbox("b", "y.example")))
    made.progress[0].reply = Reply.of("550 5.1.1 unbekannter Empfänger \u2028", "mx.y.example[192.0.2.9]")
    content = compose(Report(made, Action.FAILED, made.progress, HEADERS, False, "box.example", 3.0, "a@x.example"))
    fields = content.split(b"message/delivery-status")[1].split(b"--report-")[0]
    assert fields.isascii() and b"unbekannter Empf?nger" in fields
    assert "Empfänger".encode() in content


def test_a_header_block_in_other_letters_is_returned_as_what_it_is() -> None:
    made = item(Recipient(Mailbox("b", "y.example")))
    headers = "From: <jörg@y.example>\r\n".encode()
    content = compose(Report(made, Action.FAILED, made.progress, headers, False, "box.example", 3.0, "a@x.example"))
    assert b"message/global-headers\r\nContent-Transfer-Encoding: 8bit" in content


def test_a_message_id_that_is_none_makes_no_references() -> None:
    made = item(Recipient(Mailbox("b", "y.example")))
    made.arrival = Arrival(1000.0, message_id="<" + "x" * 2000 + ">")
    assert parsed(made)["References"] is None
    made.arrival = Arrival(1000.0, message_id="<one@x.example>")
    assert parsed(made)["References"] == "<one@x.example>"
