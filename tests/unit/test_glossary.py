"""The glossary: every word has its text, other names lead to it."""

from __future__ import annotations

from appliance.core import glossary
from appliance.core.glossary_words import ALSO, WORDS


def test_every_other_name_leads_to_a_word() -> None:
    for name in (*ALSO, *WORDS):
        assert glossary.explain(name), name
        assert name == name.lower() or name in WORDS


def test_words_are_found_in_any_spelling() -> None:
    for word in (
        "smtp",
        "SMTP",
        "Ports",
        "mail-client",
        "mail_client",
        "bounces",
        "netmask",
        "queue  id",
        "boxes of mail",
    ):
        assert bool(glossary.explain(word)) == (word != "boxes of mail"), word


def test_an_unknown_word_gets_words_like_it() -> None:
    assert "greylisting" in glossary.near("graylisting")
    assert "port 25" in glossary.near("port")
    assert glossary.near("zzzz") == glossary.words()


def test_the_texts_are_short_and_printable() -> None:
    for name, text in WORDS.items():
        assert 20 < len(text) < 420 and text.isprintable() and text.endswith("."), name


def test_all_words_that_the_box_uses_are_explained() -> None:
    used = """
    SMTP, mail client, mail server, port, relay, smarthost, DNS server, ISP, e-mail, mailbox, bounce, MX, TLS,
    SPF, DKIM, PTR, DMARC, queue, deferred, spool, envelope, reverse-path, STARTTLS, greylisting, certificate,
    DHCP, gateway, network mask, lamp, recipient, local-part, domain, content, message, queue item, queue id,
    attempt, defer, expire, DSN, report, route, next hop, reply, transient, permanent, client, device,
    pattern, pin, flush, acknowledge, hold, release, candidate, commit, rollback, access list, account,
    listener, steward, history, backup"""
    for word in used.split(","):
        assert glossary.explain(word), word
