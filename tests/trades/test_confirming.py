"""Confirmations, disputes and their effect; who may say what; what raw SQL cannot do; who is faster."""

import hashlib
import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.core import db
from apps.core.actor import SYSTEM
from apps.core.errors import AppError
from apps.jobs import events as driver
from apps.jobs import settlement as jobs
from apps.jobs import trades as reminders
from apps.reports.rendering.layouts.confirmation import confirmation_pdf
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.trades import queries
from apps.trades.models import Confirmation
from apps.workflows.confirm_deal import affirm_trade, ask_rejection, dispute_trade, withdraw_dispute
from tests import books, commits, deals, world
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(transactional_db: None) -> Any:
    here.open_house("USD", "BTC")
    yield world.firm("acme")
    books.proven()


def test_each_version_is_confirmed_by_a_number_without_gaps_and_affirmed_once(acme: world.Firm) -> None:
    first, _ = here.deal(acme, Side.BUY, "2"), here.deal(acme, Side.SELL, "1")
    commits.wait_for_readers()
    driver.drive("confirm")
    deals.change(first, price="19990")
    found = {(c.trade_id, c.version.number): c for c in Confirmation.objects.select_related("version")}
    assert {(key[0] == first.id, key[1]): (c.number, c.status) for key, c in found.items()} == {
        (True, 1): (1, "SUPERSEDED"), (False, 1): (2, "SENT"), (True, 2): (3, "SENT"),
    }  # fmt: skip
    one = found[first.id, 2]
    as_json = json.dumps(one.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert one.digest == hashlib.sha256(as_json.encode()).hexdigest()
    assert (one.document["price"], one.document["client_pays"]) == ("19990", {"asset": "USD", "amount": "39980"})
    with pytest.raises(AppError, match="version 2 is the current one"):
        affirm_trade(actor=acme.trader, trade_id=first.id, version=1)
    done, trade = affirm_trade(actor=acme.trader, trade_id=first.id, version=2)
    assert (done.status, done.answered_kind) == ("AFFIRMED", "MEMBER")
    for again in (affirm_trade, dispute_trade):
        with pytest.raises(AppError) as no:
            again(actor=acme.trader, trade_id=first.id, version=2, **({"reason": "PRICE"} if again is dispute_trade else {}))
        assert no.value.code == "illegal_state"
    told = queries.describe_confirmation(done, trade)
    assert confirmation_pdf(told) == confirmation_pdf(told) and confirmation_pdf(told).startswith(b"%PDF")
    assert [e["kind"] for e in deals.told(acme.client_id, "confirmation.sent", "confirmation.affirmed")] == ["confirmation.sent"] * 3 + [
        "confirmation.affirmed"
    ]


def test_one_of_ours_answers_only_with_evidence_and_another_client_never(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    olga, mallory = deals.person("olga", "operations"), world.firm("mallory")
    for actor, evidence, code in ((olga, " ", "no_word"), (deals.person("tom", "trader"), "a call", "role_missing"),
                                  (mallory.trader, "", "not_found")):  # fmt: skip
        with pytest.raises(AppError) as no:
            affirm_trade(actor=actor, trade_id=trade.id, version=1, evidence=evidence)
        assert no.value.code == code
    done, _ = affirm_trade(actor=olga, trade_id=trade.id, version=1, evidence="call 4711, 12:31")
    assert (done.status, done.answered_kind, done.evidence) == ("AFFIRMED", "STAFF", "call 4711, 12:31")


def test_a_disputed_deal_stays_out_of_the_set_and_goes_into_the_next_once_withdrawn(acme: world.Firm) -> None:
    kept, disputed = here.deal(acme, Side.BUY, "2"), here.deal(acme, Side.SELL, "1")
    dispute_trade(actor=acme.trader, trade_id=disputed.id, version=1, reason="PRICE", detail="we agreed less")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    jobs.run_all()
    assert {o.trade_id for o in settlement.list_obligations(SYSTEM) if o.status == "NETTED"} == {kept.id}
    withdraw_dispute(actor=acme.trader, trade_id=disputed.id, reason="found")
    here.at(here.CUTOFF, days=1, seconds=10)
    jobs.run_all()
    assert len(settlement.list_net_sets(SYSTEM)) == 2
    assert "OPEN" not in {o.status for o in settlement.list_obligations(SYSTEM)}


def test_who_affirms_takes_the_dispute_back(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "1")
    dispute_trade(actor=acme.trader, trade_id=trade.id, version=1, reason="PRICE")
    affirm_trade(actor=acme.trader, trade_id=trade.id, version=1)
    assert [e["kind"] for e in deals.told(acme.client_id, "confirmation.affirmed", "dispute.withdrawn")] == [
        "confirmation.affirmed",
        "dispute.withdrawn",
    ]
    assert not queries.list_disputes()


def test_a_dispute_after_the_freeze_blocks_what_is_unsent_until_a_version_upholds_it(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    dispute_trade(actor=acme.trader, trade_id=trade.id, version=1, reason="PRICE")
    here.at(here.VALUE_DAY)
    jobs.run_all()
    assert "TRADE_DISPUTED" in codes()
    deals.change(trade, price="19990")
    jobs.run_all()
    assert "TRADE_DISPUTED" not in codes()
    (upheld,) = deals.told(acme.client_id, "dispute.upheld")
    assert (upheld["status"], upheld["outcome"]) == ("UPHELD", "the price was typed wrong")


def test_a_dispute_is_rejected_by_two_and_not_when_it_has_ended_meanwhile(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    otto = deals.person("otto", "operations")
    for withdrawn, end in ((False, "EXECUTED"), (True, "STALE")):
        dispute_trade(actor=acme.trader, trade_id=trade.id, version=1, reason="PRICE")
        asked = ask_rejection(actor=otto, trade_id=trade.id, reason="the recording says so")
        if withdrawn:
            withdraw_dispute(actor=acme.trader, trade_id=trade.id, reason="found")
        assert deals.check(asked).status == end
    assert [e["kind"] for e in deals.told(acme.client_id, "dispute.rejected", "dispute.withdrawn")] == [
        "dispute.rejected",
        "dispute.withdrawn",
    ]


def test_an_unanswered_confirmation_is_reminded_each_day_until_it_is_answered(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    commits.wait_for_readers()
    driver.drive("confirm")
    told = []
    for days in (0, 1, 1, 2):
        here.at(world.NOON, days=days, seconds=1)
        told.append(reminders.remind_due())
    affirm_trade(actor=acme.trader, trade_id=trade.id, version=1)
    here.at(world.NOON, days=5)
    assert [*told, reminders.remind_due()] == [0, 1, 0, 1, 0]


def test_nobody_is_reminded_of_a_cancelled_deal_which_may_be_affirmed(acme: world.Firm) -> None:
    gone, stands = here.deal(acme, Side.BUY, "2"), here.deal(acme, Side.SELL, "1")
    commits.wait_for_readers()
    driver.drive("confirm")
    assert {one.trade_id for one in queries.list_unaffirmed()} == {gone.id, stands.id}
    deals.change(gone, cancel=True)
    here.at(world.NOON, days=3)
    assert reminders.remind_due() == 1
    assert [one.trade_id for one in queries.list_unaffirmed()] == [stands.id]
    done, _ = affirm_trade(actor=acme.trader, trade_id=gone.id, version=2)
    assert (done.version.action, done.status) == ("CANCEL", "AFFIRMED")


def test_a_correction_and_an_affirmation_at_once_never_affirm_what_changed(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    asked = deals.ask(trade, price="19990")
    olga = deals.person("olga", "operations")
    del olga
    done = together(2, lambda n: deals.check(asked) if n else affirm_trade(actor=acme.trader, trade_id=trade.id, version=1))
    assert done[1].status == "EXECUTED"
    assert not isinstance(done[0], Exception) or done[0].code == "version_superseded"
    assert queries.find_confirmation(queries.find_client_trade(trade.id)).status == "SENT"  # type: ignore[union-attr]


def test_a_correction_and_the_freeze_at_once_owe_exactly_the_new_price(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    asked = deals.ask(trade, price="19990")
    deals.person("olga", "operations")
    here.at(here.CUTOFF, seconds=10)
    done = together(3, lambda n: deals.check(asked) if n == 0 else jobs.freeze_due())
    assert done[0].status == "EXECUTED", done
    rows = [o for o in settlement.list_obligations_of([trade.id]) if o.status != "CANCELLED" and o.asset_id == "USD"]
    assert sum(o.amount if o.direction == "RECEIVE" else -o.amount for o in rows) == 39980


def test_two_checkers_at_once_make_one_version(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    asked = deals.ask(trade, price="19990")
    deals.person("olga", "operations")
    done = together(2, lambda _: deals.check(asked))
    assert sorted(type(one).__name__ for one in done) == ["Approval", "IllegalMove"]
    assert [v.number for v in queries.list_versions(trade)] == [1, 2]


def test_what_the_walls_refuse(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "2")
    affirm_trade(actor=acme.trader, trade_id=trade.id, version=1)
    columns = [f.column for f in queries.get_version(trade)._meta.concrete_fields if f.column not in {"id", "recorded_at"}]

    def version(**given: str) -> str:
        values = ", ".join(given.get(c, c) for c in columns)
        return f"INSERT INTO trades_tradeversion (id, {', '.join(columns)}) SELECT gen_random_uuid(), {values} FROM trades_tradeversion"

    two = {
        "number": "2",
        "action": "'CORRECT'",
        "reason": "'DESK_ERROR'",
        "made_by": "gen_random_uuid()",
        "checked_by": "gen_random_uuid()",
    }
    one = f"'{acme.client_id}'"
    for sql, by in (
        (version(**{**two, "checked_by": "NULL"}), "trades_version_hands"),
        (version(**{**two, "made_by": one, "checked_by": one}), "trades_version_hands"),
        (version(**two), "trades_version_consent"),
        (version(**{**two, "number": "3", "consent": "'a call'"}), "trades_version_number"),
        ("UPDATE trades_trade SET status = 'CANCELLED'", "trades_version_status"),
        ("UPDATE trades_trade SET version = 3", "trades_has_version"),
        ("UPDATE trades_confirmation SET number = 7", "trades_confirmation_frozen"),
        ("UPDATE trades_confirmation SET document = '{}'", "trades_confirmation_frozen"),
        ("UPDATE trades_confirmation SET status = 'SENT'", "trades_confirmation_status_moves"),
    ):
        with pytest.raises(IntegrityError) as no, transaction.atomic():
            db.run(sql)
            db.run("SET CONSTRAINTS ALL IMMEDIATE")
        assert no.value.__cause__.diag.constraint_name == by, sql  # type: ignore[union-attr]


def codes() -> set[str]:
    paid = [i.id for i in settlement.list_instructions(SYSTEM) if i.direction == "PAY"]
    newest = {d.instruction_id: d for d in reversed(settlement.list_decisions(paid))}
    return {b["code"] for d in newest.values() for b in d.blockers}
