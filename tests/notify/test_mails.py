"""Mails out of events: once each, to whom they concern, sent outside every transaction, tried again a bounded number of times."""

import smtplib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal as D
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend as Locmem
from django.db import connection

from apps.approvals import operations as approvals
from apps.clients.models import Counterparty
from apps.core import clock, db, ids
from apps.core.actor import acting
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.events import operations as events
from apps.jobs import events as driver
from apps.jobs import notify as jobs
from apps.notify.models import Delivery
from apps.notify.rules import mails as rules
from apps.pricing import operations as pricing
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.request_quote import request_quote
from apps.workflows.send_mails import keep_bounced, keep_sent, lease_mails
from tests import lines, world
from tests.commits import wait_for_readers
from tests.people import staff
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "tests.notify.test_mails"


class Watching(Locmem):
    """Keeps what is sent, and says when that happens inside a transaction."""

    inside: list[bool] = []

    def send_messages(self, messages: Any) -> int:
        self.inside.append(connection.in_atomic_block)
        return super().send_messages(messages)


class Refusing(Locmem):
    """A server that takes nothing."""

    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"no such\r\nuser\x00")})


@pytest.fixture(autouse=True)
def _watched(settings: Any, transactional_db: None) -> Iterator[None]:
    settings.EMAIL_BACKEND = f"{HERE}.Watching"
    Watching.inside.clear()
    clock.freeze_desk(world.NOON)
    yield


def deal(firm: world.Firm, reference: str = "r1") -> None:
    ask = Ask(reference, "BTC-USD", Side.BUY, D(2), None, "", 10_000, 60_000)
    _, quote, _ = request_quote(actor=firm.trader, account_id=None, ask=ask, depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1)
    accept_quote(actor=firm.trader, quote_id=quote.id, client_order_id=f"o-{reference}", side=Side.BUY, price=quote.buy_price)


@use_case
def tell(*, kind: str, client_id: UUID | None = None, now: datetime, public: dict[str, Any] | None = None, house: Any = None) -> None:
    events.record(kind, subject_type="test", subject_id=ids.uuid7(), client_id=client_id, public=public, house=house)


def drive() -> None:
    wait_for_readers()
    driver.drive("email")


def run() -> tuple[int, int]:
    drive()
    return jobs.send_due()


def test_a_deal_is_confirmed_to_the_client_with_its_figures() -> None:
    acme = world.firm("acme")
    deal(acme)
    price, pays = db.one("SELECT price, pays FROM trades_tradeversion")
    assert run() == (1, 0)
    [sent] = mail.outbox
    assert sent.to == ["ops@acme.example"]
    assert sent.subject.startswith("Trade confirmation · BTC-USD · trd_")
    assert f"you bought 2 BTC-USD at {price.normalize():f}" in sent.body
    assert f"you pay: {pays.normalize():f} USD" in sent.body
    assert "you receive: 2 BTC" in sent.body
    assert "value date: 2026-09-16" in sent.body
    assert "trader" not in sent.body, "nothing of the house"
    assert Watching.inside == [False], "sent outside every transaction"
    [kept] = Delivery.objects.all()
    assert (kept.status, kept.tries, kept.sent_at, kept.error) == ("SENT", 1, world.NOON, "")


def test_an_event_told_twice_is_mailed_once() -> None:
    deal(world.firm("acme"))
    drive()
    db.run("UPDATE events_cursor SET position = 0, xid = 0")
    assert run() == (1, 0)
    assert run() == (0, 0)
    assert len(mail.outbox) == 1


def test_each_client_gets_its_own_mails_only() -> None:
    acme, borealis = world.firm("acme"), world.firm("borealis")
    deal(acme, "one")
    deal(borealis, "two")
    run()
    by = {sent.to[0]: sent.body for sent in mail.outbox}
    assert set(by) == {"ops@acme.example", "ops@borealis.example"}
    assert "o-one" in by["ops@acme.example"]
    assert "o-two" not in by["ops@acme.example"]


def test_a_request_for_approval_goes_to_its_checkers_but_not_to_its_maker() -> None:
    olga, _, _, _ = staff("olga", "operations"), staff("oscar", "operations"), staff("rita", "risk"), staff("tara", "trader")

    @use_case
    def ask(*, now: datetime) -> None:
        approvals.request(
            kind="thing", subject_type="thing", subject_id=ids.uuid7(), subject_version="1",
            title="Release 3 payments\r\nBcc: x@evil.example",
            payload={"secret": "hunter2"}, maker=olga, checker_roles=["operations", "risk"], now=now,
        )  # fmt: skip

    ask()
    assert run() == (2, 0)
    assert sorted(sent.to[0] for sent in mail.outbox) == ["oscar@flowdesk.example", "rita@flowdesk.example"]
    for sent in mail.outbox:
        assert sent.subject == "Approval requested · Release 3 payments Bcc: x@evil.example", "one line, so no header of its own"
        assert "\n" not in sent.subject
        assert set(sent.message().keys()) >= {"Subject", "From", "To", "Message-ID"}
        assert "Bcc" not in sent.message()
        assert "hunter2" not in sent.body
        assert "by Olga" in sent.body


def test_a_thrown_kill_switch_is_told_to_those_who_deal_and_watch() -> None:
    tara = staff("tara", "trader")
    staff("rita", "risk"), staff("fay", "finance")

    @use_case
    def throw(*, now: datetime) -> None:
        pricing.throw_halt(actor=tara, reason="bad prices", now=now, pair_code="BTC-USD")

    with acting(tara):
        throw()
    assert run() == (2, 0)
    assert sorted(sent.to[0] for sent in mail.outbox) == ["rita@flowdesk.example", "tara@flowdesk.example"]
    assert mail.outbox[0].subject == "Halt thrown · BTC-USD"
    assert "reason: bad prices" in mail.outbox[0].body


def test_settlement_and_transfers_are_told_to_the_client() -> None:
    acme = world.firm("acme")
    amount = {
        "asset": "USD",
        "amount": "1500.25",
        "status": "SETTLED",
        "legs": [{"asset": "BTC", "amount": "1"}, {"asset": "USD", "amount": "2"}],
    }
    for kind in rules.TO_CLIENT:
        if kind != "trade.booked":
            tell(kind=kind, client_id=acme.client_id, public={"id": "x_1", **amount})
    assert run() == (len(rules.TO_CLIENT) - 1, 0)
    assert {sent.subject.split(" · ")[0] for sent in mail.outbox} == set(rules.TO_CLIENT.values()) - {"Trade confirmation"}
    assert all("amount: 1500.25" in sent.body for sent in mail.outbox)
    assert all("legs 1: 1 BTC" in sent.body for sent in mail.outbox)


def test_house_facts_and_other_kinds_are_mailed_to_nobody() -> None:
    acme = world.firm("acme")
    tell(kind="rfq.quoted", client_id=acme.client_id, public={"id": "rfq_1"})
    tell(kind="deposit.credited", house={"amount": "1"})
    assert run() == (0, 0)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("address", ["", "no address", "a@b.example\nBcc: x@evil.example", "a@b.example, c@d.example"])
def test_a_client_whose_address_is_none_gets_no_mail_and_stops_nobody(address: str) -> None:
    acme, borealis = world.firm("acme"), world.firm("borealis")
    Counterparty.objects.filter(id=acme.client_id).update(email=address)
    deal(acme, "one")
    deal(borealis, "two")
    assert run() == (1, 0)
    assert mail.outbox[0].to == ["ops@borealis.example"]


def due_now() -> None:
    db.run("UPDATE notify_delivery SET next_try_at = now() - interval '1 second'")


def test_a_refused_mail_waits_and_is_tried_a_bounded_number_of_times(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{HERE}.Refusing"
    deal(world.firm("acme"))
    assert run() == (0, 1)
    kept = Delivery.objects.get()
    assert (kept.status, kept.tries) == ("BOUNCED", 1)
    assert kept.error.startswith("SMTPRecipientsRefused")
    assert kept.next_try_at > clock.wall_now()
    assert run() == (0, 0), "not before its time"
    for tries in range(2, rules.MAX_TRIES + 1):
        due_now()
        assert run() == (0, 1)
        assert Delivery.objects.get().tries == tries
    due_now()
    assert run() == (0, 0), "given up"
    assert Delivery.objects.get().status == "BOUNCED"
    settings.EMAIL_BACKEND = f"{HERE}.Watching"
    due_now()
    assert run() == (0, 0)
    assert mail.outbox == []


def test_a_mail_that_bounced_goes_out_when_the_server_is_back(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{HERE}.Refusing"
    deal(world.firm("acme"))
    run()
    settings.EMAIL_BACKEND = f"{HERE}.Watching"
    due_now()
    assert run() == (1, 0)
    kept = Delivery.objects.get()
    assert (kept.status, kept.tries, kept.error) == ("SENT", 2, "")
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<{kept.id}@flowdesk.example>"


def test_a_sender_that_died_leaves_its_mail_to_another_after_the_lease() -> None:
    deal(world.firm("acme"))
    drive()
    [leased] = lease_mails(limit=10)
    assert lease_mails(limit=10) == [], "leased"
    assert jobs.send_due() == (0, 0)
    due_now()
    assert jobs.send_due() == (1, 0)
    assert keep_bounced(delivery_id=leased, error="the dead one comes back").status == "SENT"
    assert keep_sent(delivery_id=leased).status == "SENT"


def test_eight_senders_at_once_send_each_mail_once() -> None:
    acme = world.firm("acme")
    for number in range(24):
        tell(kind="deposit.credited", client_id=acme.client_id, public={"id": f"dep_{number}"})
    wait_for_readers()
    found = together(8, lambda _: (driver.drive("email"), jobs.send_due(limit=5))[1])
    assert not [one for one in found if isinstance(one, Exception)], found
    run()
    assert sorted(sent.subject for sent in mail.outbox) == sorted(f"Deposit credited · dep_{n}" for n in range(24))
    assert set(Watching.inside) == {False}


def test_the_demo_writes_mails_into_files(settings: Any, tmp_path: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(tmp_path / "mail")
    deal(world.firm("acme"))
    assert run() == (1, 0)
    [file] = (tmp_path / "mail").iterdir()
    assert "To: ops@acme.example" in file.read_text()


def test_a_server_that_does_not_answer_is_a_bounce(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    deal(world.firm("acme"))
    assert run() == (0, 1)
    assert Delivery.objects.get().error.startswith("ConnectionRefusedError")


@pytest.mark.parametrize("text", ["a\r\nBcc: b", "a\nb", "a\x0bb", "a\x00b", "a\u2028b", "a\x1b[31mb", "a\u202eb"], ids=ascii)
def test_nothing_that_breaks_a_line_comes_into_a_subject(text: str) -> None:
    told = rules.subject("Head", text)
    assert told.isprintable()
    assert len(rules.subject("Head", text * 500)) <= rules.SUBJECT_MAX


def test_a_breach_of_a_line_and_its_cure_are_told_to_risk_and_sales_without_amounts() -> None:
    staff("sam", "sales"), staff("fay", "finance")
    acme = world.firm("acme", line=D(1000))
    line = lines.grant(subject_id=acme.account.id, level="ACCOUNT", amount="5000")

    @use_case
    def breach(*, now: datetime) -> None:
        credit.review(line_id=line.id, now=now)

    db.run("UPDATE credit_line SET revalued = 7000 WHERE id = %s", (line.id,))
    breach()
    db.run("UPDATE credit_line SET revalued = 0 WHERE id = %s", (line.id,))
    breach()
    run()
    told = [sent for sent in mail.outbox if "Credit" in sent.subject]
    assert sorted((sent.subject, sent.to[0].split("@")[0]) for sent in told) == [
        (f"Credit {what} · acme-main", who) for what in ("breached", "cured") for who in ("rhea", "rolf", "sam")
    ]
    assert all("PRE_SETTLEMENT" in sent.body and "2000" not in sent.body and "7000" not in sent.body for sent in told)
