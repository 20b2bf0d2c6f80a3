"""Each line of `verify` can fail: the superuser damages the database behind its triggers, and the line names it."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from apps.core import db
from apps.credit.models import Line
from apps.reports.queries import proofs
from tests import lines
from tests.reports import desk

pytestmark = pytest.mark.django_db(transaction=True)

CLIENT_TRADE = "(SELECT id FROM trades_trade WHERE kind = 'CLIENT' ORDER BY id LIMIT 1)"
LIVE = "(SELECT id FROM rfqs_rfq WHERE status = 'QUOTED' AND client_rfq_id = '{}')"
INSTRUCTION = """
INSERT INTO settlement_instruction (id, direction, entity_id, asset_id, nostro_id, account_id, amount, settled_amount, part, attempt,
end_to_end_id,
  status, due_date, rail_reference, failure, beneficiary_name, beneficiary_address, released_at, obligation_id {more_columns})
SELECT gen_random_uuid(), {direction}, o.entity_id, o.asset_id, n.id, o.account_id, o.amount, {settled}, 0, {attempt},
left(md5(random()::text), 30),
  '{status}', o.value_date, '', '', '', '', '2026-09-15 06:00+00', o.id {more_values}
FROM settlement_obligation o JOIN settlement_nostro n ON n.asset_id = o.asset_id AND n.designation = 'HOUSE'
WHERE o.status = 'OPEN' AND o.direction = 'PAY' ORDER BY o.id LIMIT 1
"""
NETTED = """
WITH o AS (SELECT * FROM settlement_obligation WHERE status = 'OPEN' AND direction = 'PAY' ORDER BY id LIMIT 1),
s AS (INSERT INTO settlement_netset (id, account_id, entity_id, value_date, cutoff_at, attempt, status, frozen_at)
      SELECT gen_random_uuid(), account_id, entity_id, value_date {day}, '2026-09-15 15:00+00', 1, 'FROZEN',
      '2026-09-15 15:00+00' FROM o RETURNING id),
l AS (INSERT INTO settlement_netleg (id, net_set_id, asset_id, direction, amount, status {leg_columns})
      SELECT gen_random_uuid(), s.id, o.asset_id, o.direction, o.amount {more}, '{leg}' {leg_values} FROM s, o RETURNING id)
UPDATE settlement_obligation SET net_leg_id = l.id, status = 'NETTED' FROM l, o WHERE settlement_obligation.id = o.id
"""
RECEIPT = """
INSERT INTO settlement_receipt (id, nostro_id, asset_id, amount, rail_reference, sender_name, sender_address, remittance, value_date,
status,
  quarantine_reason, owner_role, owner_name, by_hand, seen_at)
SELECT gen_random_uuid(), id, asset_id, 5, 'r1', '', '', '', '2026-09-15', '{status}', '{reason}', '{owner}', '', false,
  '2026-09-15 10:00+00'
FROM settlement_nostro WHERE asset_id = 'USD' AND designation = 'HOUSE'
"""
# With a counterparty and an account of ours that are there: a place of a venue, a transfer with it, what it was asked for, what it says.
PLACE = """
INSERT INTO settlement_venueplace (id, entity_id, venue_id, asset_id, version, rail_id, address, bic, holder, reference, withdrawn,
  reason, made_by, checked_by, set_at)
SELECT gen_random_uuid(), n.entity_id, c.id, 'USD', 1, n.rail_id, 'x', '', 'x', '', false, 'x', gen_random_uuid(), gen_random_uuid(), now()
FROM settlement_nostro n, (SELECT id FROM clients_counterparty LIMIT 1) c WHERE n.asset_id = 'USD' AND n.designation = 'HOUSE'
"""
TRANSFER = """
INSERT INTO settlement_housetransfer (id, entity_id, asset_id, source_id, target_id, place_id, amount, status, reason, failure, made_by,
  checked_by, requested_at, owner_name, owner_address, arrived)
SELECT gen_random_uuid(), p.entity_id, 'USD', {source}, {target}, p.id, 7, '{status}', 'x', '', gen_random_uuid(), gen_random_uuid(),
  now(), '', '', {arrived}
FROM settlement_venueplace p JOIN settlement_nostro n ON n.asset_id = 'USD' AND n.designation = 'HOUSE' RETURNING id, entity_id, target_id
"""
DRAW = f"""
WITH t AS ({TRANSFER.format(status="INSTRUCTED", source="NULL::uuid", target="n.id", arrived=0)})
INSERT INTO settlement_instruction (id, direction, entity_id, asset_id, nostro_id, house_transfer_id, amount, settled_amount, attempt,
  part, end_to_end_id, status, due_date, rail_reference, failure, beneficiary_name, beneficiary_address, released_at)
SELECT gen_random_uuid(), 'DRAW', entity_id, 'USD', target_id, id, 7, 0, 1, 0, 'FDX', 'SENT', '2026-09-15', '', '', '', '', now() FROM t
"""
MOVEMENT = """
INSERT INTO settlement_venuemovement (id, entity_id, venue_id, asset_id, reference, amount, fee, key, transaction, takes_back, booked_at,
  source, taken_at)
SELECT gen_random_uuid(), e.id, c.id, 'USD', 'm-1', 0, 5, '', '', '', now(), 'FILE', now()
FROM instruments_bookingentity e, (SELECT id FROM clients_counterparty LIMIT 1) c LIMIT 1
"""
CLOSED = """INSERT INTO close_businessday (id, entity_id, date, status, started_by, closed_by)
SELECT gen_random_uuid(), id, '{day}', 'CLOSED', {who} FROM instruments_bookingentity"""

CLOSING = """
WITH c AS (INSERT INTO close_closing (id, day_id, status, made_at)
           SELECT gen_random_uuid(), id, 'STANDING', now() FROM close_businessday WHERE date = '2026-09-14' RETURNING id)
INSERT INTO close_closingbalance (id, closing_id, kind, owner_id, asset_code, ledger, version, stated, sequence, apart, open_lines,
  open_statement_lines)
SELECT gen_random_uuid(), c.id, a.kind, a.owner_id, a.asset_code, 7, a.version, 7, 0, 0, '{}', '{}' FROM c, ledger_ledgeraccount a
WHERE a.kind = 'NOSTRO' AND a.asset_code = 'USD' AND a.designation = 'HOUSE'
"""


def instruction(
    status: str, *, settled: str = "0", attempt: int = 1, columns: str = "", values: str = "", direction: str = "o.direction"
) -> str:
    return INSTRUCTION.format(
        status=status, settled=settled, attempt=attempt, more_columns=columns, more_values=values, direction=direction
    )


def receipt(status: str, reason: str = "", owner: str = "operations") -> str:
    return RECEIPT.format(status=status, reason=reason, owner=owner)


def netted(leg: str = "OPEN", more: str = "", day: str = "") -> str:
    columns, values = _leg_defaults()
    return NETTED.format(leg=leg, more=more, day=day, leg_columns=columns, leg_values=values)


def _leg_defaults() -> tuple[str, str]:
    from apps.settlement.models import NetLeg

    filled = {"id", "net_set_id", "asset_id", "direction", "amount", "status"}
    more = [f for f in NetLeg._meta.concrete_fields if f.column not in filled and not f.null]
    return "".join(f", {f.column}" for f in more), "".join(", 0" if f.get_internal_type() != "CharField" else ", ''" for f in more)


# line → what is done to the database (constraints named first are taken off for it), what is told
DAMAGE: list[tuple[str, list[str], list[str], str]] = [
    ("one_trade_per_quote", [], [f"DELETE FROM trades_trade WHERE id = {CLIENT_TRADE}"], "is ACCEPTED and has no trade"),
    (
        "one_trade_per_quote",
        ["trades_trade.trades_trade_quote_id_key"],
        [f"UPDATE trades_trade SET quote_id = (SELECT quote_id FROM trades_trade WHERE id = {CLIENT_TRADE}) WHERE kind = 'CLIENT'"],
        "has 4 trades",
    ),
    (
        "one_trade_per_quote",
        [],
        ["UPDATE rfqs_quote SET status = 'EXPIRED', accepted_at = NULL, accepted_side = '' WHERE status = 'ACCEPTED'"],
        "comes out of a quote that is EXPIRED",
    ),
    ("trade_is_the_quote", [], [f"UPDATE trades_tradeversion SET price = price + 0.01 WHERE trade_id = {CLIENT_TRADE}"],
    "is not what quote"),
    ("trade_is_the_quote", [], [f"UPDATE trades_tradeversion SET pays = pays + 1 WHERE trade_id = {CLIENT_TRADE}"], "is not what quote"),
    (
        "trade_is_the_quote",
        ["rfqs_quote.quote_accepted_in_time"],
        ["UPDATE rfqs_quote SET accepted_at = expires_at WHERE status = 'ACCEPTED'"],
        "was accepted at",
    ),
    ("trade_versions", [], [f"UPDATE trades_trade SET version = 2 WHERE id = {CLIENT_TRADE}"], "is at version 2 and has 1"),
    ("hedges", [], ["DELETE FROM trades_hedge"], "is gone, its deal ACTIVE"),
    ("hedges", [], ["UPDATE ledger_ledgertransaction SET kind = 'OTHER' WHERE kind = 'HEDGE'"], "is 0 by the ledger"),
    ("hedges", [], ["UPDATE trades_hedge SET status = 'CONFIRMED'"], "nobody's word"),
    ("event_sequences", [], ["DELETE FROM events_event WHERE client_seq = 2"], "numbers 1 to"),
    ("event_sequences", [], ["UPDATE events_counter SET last_seq = last_seq + 1"], "counter"),
    ("event_sequences", [], ["UPDATE events_event SET client_seq = client_seq + 100 WHERE client_seq = 1"], "numbers 2 to 101"),
    ("facts_have_events", [], ["UPDATE events_event SET kind = 'trade.forgotten' WHERE kind = 'trade.booked'"],
    "has 0 events trade.booked"),
    ("facts_have_events", [], ["UPDATE events_event SET kind = 'hedge.forgotten' WHERE kind = 'hedge.booked'"],
    "has 0 events hedge.booked"),
    ("facts_have_events", [], ["UPDATE events_event SET kind = 'x' WHERE kind = 'rfq.declined'"], "DECLINED request"),
    ("facts_have_events", [], ["UPDATE events_event SET kind = 'x' WHERE kind = 'rfq.quoted'"], "no event of its beginning"),
    ("facts_have_events", [], ["UPDATE events_event SET kind = 'x' WHERE kind = 'approval.executed'"], "0 events approval.executed"),
    ("facts_have_events", [], ["UPDATE events_event SET kind = 'x' WHERE kind = 'marks.approved'"], "0 events marks.approved"),
    (
        "facts_have_events",
        [],
        ["UPDATE events_event SET client_id = gen_random_uuid() WHERE kind = 'trade.booked'"],
        "not to its client",
    ),
    (
        "facts_have_events",
        [],
        [f"UPDATE events_event SET subject_id = {CLIENT_TRADE} WHERE kind = 'trade.booked'"],
        "has 4 events trade.booked",
    ),
    ("zero_sums", [], ["UPDATE ledger_ledgerline SET amount = amount + 0.000000000000000001 WHERE id = 1"], "off by 0.000000000000000001"),
    ("zero_sums", [], ["DELETE FROM ledger_ledgerline WHERE transaction_id = (SELECT transaction_id FROM ledger_ledgerline LIMIT 1)"],
    "has no lines"),
    ("zero_sums", [], ["UPDATE ledger_ledgerline SET asset_code = 'GBP' WHERE asset_code = 'EUR'"], "is GBP on an account of EUR"),
    ("balances", [], ["UPDATE ledger_ledgeraccount SET amount = amount + 1 WHERE kind = 'NOSTRO' AND asset_code = 'BTC'"], "NOSTRO BTC"),
    ("balances", [], ["UPDATE ledger_ledgeraccount SET version = version + 1 WHERE kind = 'CAPITAL'"], "CAPITAL"),
    ("balances", [], ["UPDATE ledger_ledgerline SET balance = balance + 1 WHERE version = 1"], "entries: last"),
    ("balances", [], ["UPDATE ledger_ledgerline SET version = version + 5 WHERE version = 2"], "at version 7, by its entries"),
    ("holds", [], ["UPDATE ledger_ledgeraccount SET held = held + 1 WHERE held > 0"], "pending are"),
    ("holds", [], ["UPDATE ledger_hold SET status = 'VOIDED' WHERE status = 'PENDING'"], "pending are 0"),
    ("position_identity", [], ["UPDATE ledger_ledgeraccount SET amount = amount + 1 WHERE kind = 'POSITION' AND asset_code = 'BTC'"],
    "flowdesk BTC"),
    (
        "client_money",
        [],
        ["UPDATE ledger_ledgeraccount SET amount = 1 FROM settlement_nostro n WHERE n.id = owner_id AND n.designation = 'CLIENT'"],
        "CLIENT nostros hold 1",
    ),
    ("open_items_have_owners", [],
    ["UPDATE ledger_ledgeraccount SET owner_id = gen_random_uuid() WHERE kind = 'RECEIVABLE' AND amount <> 0"], "RECEIVABLE"),
    ("open_items_have_owners", [], ["DELETE FROM ledger_ledgertransaction"], "has no age"),
    (
        "open_items_have_owners",
        ["settlement_receipt.receipt_owned"],
        [receipt("QUARANTINED", "UNKNOWN_SENDER", owner="")],
        "nobody has to act on it",
    ),
    ("credit_use", [], ["UPDATE credit_line SET used = used + 1 WHERE measure = 'PRE_SETTLEMENT'"], "CLIENT PRE_SETTLEMENT line"),
    ("credit_use", [], ["UPDATE credit_lineday SET used = used + 1"], "CLIENT SETTLEMENT line"),
    ("credit_use", [], ["DELETE FROM credit_lineday"], "by deals"),
    ("credit_use", [], ["UPDATE credit_reservation SET amount = amount + 1 WHERE status = 'RESERVED'"], "by reservations"),
    ("credit_use", [], ["UPDATE credit_reservation SET unchecked = 1 WHERE status = 'COMMITTED'"], "unchecked 0, by deals"),
    ("credit_limits", [], ["UPDATE credit_line SET amount = 1 WHERE measure = 'PRE_SETTLEMENT'"], "taken of 1"),
    ("credit_limits", [], ["UPDATE credit_line SET amount = 1 WHERE measure = 'SETTLEMENT'"], "SETTLEMENT line"),
    ("credit_limits", [], ["UPDATE credit_line SET revalued = 10000000 WHERE measure = 'PRE_SETTLEMENT'"], "taken of 10000000"),
    ("credit_breaches", [], ["UPDATE credit_line SET amount = amount + 1"], "granted 10000000 plus 0"),
    ("credit_breaches", [], ["DELETE FROM credit_grant"], "granted  plus "),
    (
        "credit_breaches",
        [],
        [
            "INSERT INTO credit_breach (id, line_id, kind, over, since) SELECT gen_random_uuid(), id, 'MARKS', 1, '2020-01-01' "
            "FROM credit_line",
            "UPDATE credit_line SET used = 0, reserved = 0",
            "UPDATE credit_lineday SET used = 0, reserved = 0",
        ],
        "is open and nothing is taken of it",
    ),
    (
        "credit_breaches",
        [],
        [
            "INSERT INTO credit_grant (id, line_id, number, amount, excess, excess_reason, valid_from, valid_until, granted_at, "
            "approval_id, "
            "made_by, approved_by) SELECT gen_random_uuid(), line_id, 2, 9, 0, '', valid_from, valid_until, granted_at, gen_random_uuid(), "
            "gen_random_uuid(), gen_random_uuid() FROM credit_grant"
        ],
        "has no approval of two people",
    ),
    (
        "credit_breaches",
        [],
        [
            "INSERT INTO credit_exposurecall (id, line_id, client_id, currency, amount, reason, status, issued_at, due_at) "
            "SELECT gen_random_uuid(), id, subject_id, 'USD', 1, 'x', 'ISSUED', valid_from, valid_until FROM credit_line"
        ],
        "is in no breach since",
    ),
    ("reservations_end", [], ["UPDATE credit_reservation SET status = 'RESERVED' WHERE status = 'RELEASED'"], "which is DECLINED"),
    ("reservations_end", [], ["UPDATE credit_reservation SET status = 'RELEASED' WHERE status = 'COMMITTED'"], "took nothing of line"),
    ("reservations_end", [], ["UPDATE ledger_hold SET status = 'PENDING' WHERE status = 'POSTED'"], "which is FILLED"),
    ("reservations_end", [], [f"UPDATE rfqs_rfq SET status = 'EXPIRED' WHERE id = {LIVE.format('c2')}"], "which is EXPIRED"),
    ("obligations_are_the_deal", [], ["UPDATE settlement_obligation SET amount = amount + 1 WHERE asset_id = 'EUR'"], "EUR"),
    ("obligations_are_the_deal", [], ["DELETE FROM settlement_obligation WHERE direction = 'PAY'"], "0 by its obligations"),
    ("obligations_are_the_deal", [], ["UPDATE trades_tradeversion SET action = 'CANCEL' WHERE number = 1"], "0 by its economics"),
    (
        "obligations_settle_once",
        [],
        ["UPDATE settlement_obligation SET settled_amount = amount / 2 WHERE status = 'OPEN'"],
        "is OPEN with",
    ),
    (
        "obligations_settle_once",
        [],
        ["UPDATE settlement_obligation SET status = 'SETTLED', settled_amount = amount, settled_at = booked_at WHERE status = 'OPEN'"],
        "SETTLED by nothing",
    ),
    (
        "obligations_settle_once",
        ["settlement_netleg.netleg_settled_whole"],
        [netted("SETTLED")],
        "is NETTED and its net leg SETTLED",
    ),
    (
        "obligations_settle_once",
        ["settlement_instruction.instruction_obligation_once"],
        [instruction("SETTLED", settled="o.amount"), instruction("SENT", attempt=2)],
        "is paid",
    ),
    ("parts_make_the_whole", [], [instruction("SPLIT")], "is SPLIT into 0"),
    ("net_legs", [], [netted(more="+ 1")], "its members make"),
    ("net_legs", [], [netted(day="+ 1")], "account, asset or value date"),
    ("net_legs", [], ["UPDATE settlement_obligation SET status = 'NETTED' WHERE status = 'OPEN'"], "in no net set"),
    ("owed_is_outstanding", [], ["UPDATE settlement_obligation SET status = 'CANCELLED' WHERE status = 'OPEN' AND asset_id = 'EUR'"],
    "EUR"),
    ("owed_is_outstanding", [], [instruction("SENT")], "in flight"),
    ("suspense_and_transit", [], [instruction("SENT")], "IN_TRANSIT 0, payments sent"),
    ("suspense_and_transit", [], [PLACE, DRAW], "USD: IN_TRANSIT 0, asked for and not gone -7"),
    ("venue_movements", [], [MOVEMENT], "movement m-1 of 0 USD, fee 5: posted 0"),
    (
        "house_transfers_arrive",
        [],
        [PLACE, TRANSFER.format(status="SETTLED", source="n.id", target="NULL::uuid", arrived=7)],
        "is SETTLED, arrived 7: receipts and movements 0",
    ),
    (
        "house_transfers_arrive",
        ["settlement_housetransfer.housetransfer_arrived"],
        [PLACE, TRANSFER.format(status="SETTLED", source="NULL::uuid", target="n.id", arrived=0)],
        "is SETTLED, arrived 0",
    ),
    ("suspense_and_transit", [], [receipt("FINAL")], "SUSPENSE 0, receipts not applied -5"),
    ("receipts_are_used_once", [], [receipt("MATCHED")], "MATCHED and pays 0 of 5"),
    ("receipts_are_used_once", [], [instruction("RECEIVED", settled="o.amount", direction="'RECEIVE'")], "matched 0"),
    ("no_unknown_payment", [], [instruction("UNKNOWN")], "is UNKNOWN since"),
    (
        "four_eyes",
        ["approvals_approval.approval_four_eyes"],
        ["UPDATE approvals_approval SET checker_id = maker_id"],
        "was made and checked by",
    ),
    ("four_eyes", ["pricing_markset.markset_four_eyes"], ["UPDATE pricing_markset SET approved_by = proposed_by"], "mark set"),
    ("four_eyes", ["approvals_approval.approval_has_checker"], ["UPDATE approvals_approval SET checker_id = NULL"], "without a checker"),
    ("four_eyes", ["settlement_instruction.instruction_four_eyes"], [instruction("SENT", columns=", made_by, released_by",
    values=", o.id, o.id")], "instruction"),
    ("four_eyes", [], [CLOSED.format(day="2026-09-14", who="NULL, NULL")], "nobody closed it"),
    ("closed_days_were_proven", [], [CLOSED.format(day="2026-09-14", who="NULL, gen_random_uuid()")], "without approved marks"),
    ("closed_days_were_proven", [], [CLOSED.format(day="2026-09-15", who="NULL, gen_random_uuid()")], "without a proof"),
    (
        "closed_days_were_proven",
        [],
        [
            CLOSED.format(day="2026-09-15", who="NULL, gen_random_uuid()"),
            "INSERT INTO close_proof (id, day_id, kind, proven, detail, taken_at) "
            "SELECT gen_random_uuid(), id, 'BALANCE', false, '{}', now() "
            "FROM close_businessday",
        ],
        "BALANCE was not proven",
    ),
    (
        "commissions",
        [],
        [
            "INSERT INTO settlement_accrual (id, rate_id, trade_id, trade_version, introducer_id, asset_id, due, amount, business_date, "
            "accrued_at) SELECT gen_random_uuid(), gen_random_uuid(), trade_id, 1, gen_random_uuid(), 'USD', 5, 7, '2026-09-15', now() "
            "FROM trades_tradeversion LIMIT 1"
        ],
        "accrued 7, its version 1 earns 5",
    ),
    (
        "anchors",
        [],
        ["INSERT INTO events_anchor (date, number, head, signed, written_at) VALUES ('2026-09-15', 7, 'x', 'x', now())"],
        "block 7, which the anchor of 2026-09-15 keeps, is gone",
    ),
    ("closings", [], [CLOSED.format(day="2026-09-14", who="NULL, gen_random_uuid()"), CLOSING], "7 kept, its postings come to 1000000"),
    (
        "closings",
        [],
        [
            CLOSED.format(day="2026-09-14", who="NULL, gen_random_uuid()"),
            CLOSING,
            "UPDATE close_businessday SET status = 'OPEN' WHERE date = '2026-09-14'",
        ],
        "2026-09-14 is OPEN, and its closing stands",
    ),
    (
        "closings",
        [],
        [
            CLOSED.format(day="2026-09-14", who="NULL, gen_random_uuid()"),
            CLOSING,
            CLOSED.format(day="2026-09-15", who="NULL, gen_random_uuid()"),
        ],
        "2026-09-15 is CLOSED, and nothing was kept of it",
    ),
    (
        "proofs_from_closings",
        [],
        [
            CLOSED.format(day="2026-09-14", who="NULL, gen_random_uuid()"),
            CLOSING,
            "UPDATE close_closingbalance SET sequence = 1",
            "INSERT INTO settlement_statementline (id, nostro_id, sequence, reference, amount, end_to_end_id, kind, counterparty_name, "
            "counterparty_address, remittance, balance, booked_at) SELECT gen_random_uuid(), id, 1, 'X', 3, '', 'RECEIPT', '', '', '', 3, "
            "'2026-09-14 12:00+00' FROM settlement_nostro WHERE asset_id = 'USD' AND designation = 'HOUSE'",
        ],
        "First Bank, house is not what it is from the beginning",
    ),
    (
        "openings",
        [],
        [
            "INSERT INTO close_opening (id, entity_id, kind, owner_id, owner, asset_code, ledger_account_id, amount, date, evidence, "
            "asked_by, granted_by, posted_at) SELECT gen_random_uuid(), entity_id, 'NOSTRO', owner_id, 'USD house', asset_code, id, 7, "
            "'2026-09-15', 'x', gen_random_uuid(), gen_random_uuid(), now() FROM ledger_ledgeraccount "
            "WHERE kind = 'NOSTRO' AND asset_code = 'USD'"
        ],
        "opening of USD house USD: granted 7, posted nothing",
    ),
    ("documents", [], ["INSERT INTO reports_documentcounter (scope, kind, last) VALUES ('acme', 'statement', 1)"], "0 numbers given"),
    (
        "closed_days_take_nothing",
        [],
        [CLOSED.format(day="2026-09-15", who="NULL, gen_random_uuid()")],
        "and the ledger takes postings",
    ),
    (
        "adjustments",
        [],
        [
            "INSERT INTO settlement_adjustment (id, account_id, entity_id, asset_id, kind, direction, amount, value_date, status, reason, "
            "evidence, made_by, checked_by, requested_at, booked_at) SELECT gen_random_uuid(), account_id, entity_id, asset_id, 'REBATE', "
            "'PAY', 1, value_date, 'BOOKED', 'volume', '', gen_random_uuid(), gen_random_uuid(), booked_at, booked_at "
            "FROM settlement_obligation LIMIT 1"
        ],
        "is BOOKED, its obligation none",
    ),
    ("settlement_has_events", [], [netted()], "has no event net_set.frozen"),
    ("settlement_has_events", [], [instruction("SENT")], "has no event instruction.sent"),
    ("settlement_has_events", [], [receipt("FINAL")], "has no event receipt.seen"),
    (
        "settlement_has_events",
        [],
        ["UPDATE settlement_obligation SET status = 'SETTLED', settled_amount = amount, settled_at = booked_at WHERE status = 'OPEN'"],
        "has no event trade.settled",
    ),
    (
        "reservations_end",
        [],
        ["UPDATE settlement_obligation SET status = 'SETTLED', settled_amount = amount, settled_at = booked_at WHERE status = 'OPEN'"],
        "which has settled",
    ),
    (
        "documents",
        [],
        [
            "INSERT INTO reports_reportrun (id, report, scope, business_date, version, status, number, files, due_at, error) "
            "VALUES (gen_random_uuid(), 'blotter', 'flowdesk', '2026-09-15', 2, 'DONE', '', '[]', now(), '')"
        ],
        "versions 2 to 2",
    ),
]  # fmt: skip


@pytest.fixture
def superuser(superuser_session: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    superuser_session.execute("SET session_replication_role = replica")
    yield superuser_session
    superuser_session.execute("RESET session_replication_role")


@pytest.fixture
def without(superuser: psycopg.Connection[Any]) -> Iterator[Any]:
    """Take constraints and unique indexes off (`table.name`); afterwards they stand again, over an emptied table."""
    taken: list[tuple[str, str]] = []

    def take(path: str) -> None:
        table, name = path.split(".")
        row = superuser.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]).fetchone()
        if row is not None:
            superuser.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            taken.append((table, f"ALTER TABLE {table} ADD CONSTRAINT {name} {row[0]}"))
        else:
            row = superuser.execute("SELECT pg_get_indexdef(%s::regclass)", [name]).fetchone()
            assert row is not None, name
            superuser.execute(f"DROP INDEX {name}")
            taken.append((table, row[0]))

    yield take
    for table, again in taken:
        superuser.execute(f"TRUNCATE {table} CASCADE")
        superuser.execute(again)


def prove(name: str) -> proofs.Finding:
    with db.snapshot():
        [finding] = proofs.run([name])
    return finding


def test_every_line_holds_on_a_busy_desk(capsys: pytest.CaptureFixture[str]) -> None:
    desk.busy()
    call_command("verify")
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(proofs.LINES) + 1
    assert all(line.startswith("✓ ") for line in told[:-1])
    assert told[-1].startswith(f"{len(proofs.LINES)} lines, all hold")


def test_every_line_holds_on_an_empty_desk() -> None:
    call_command("verify")


def test_every_line_is_damaged_by_a_test() -> None:
    walls = {"machines_in_the_database", "triggers_stand", "history_is_read_only"}  # below
    assert {line.name for line in proofs.LINES} == {name for name, *_ in DAMAGE} | walls


@pytest.mark.parametrize(("name", "constraints", "damage", "told"), DAMAGE, ids=[f"{d[0]}-{n}" for n, d in enumerate(DAMAGE)])
def test_damage_is_named(
    name: str, constraints: list[str], damage: list[str], told: str, superuser: psycopg.Connection[Any], without: Any
) -> None:
    desk.busy()
    assert prove(name).ok
    for constraint in constraints:
        without(constraint)
    for statement in damage:
        changed = superuser.execute(statement)
        assert changed.rowcount, "the damage did nothing"
    found = prove(name)
    assert not found.ok
    assert any(told in detail for detail in found.details), found.details


def test_line_cut_below_its_use_is_a_passive_breach_and_no_failure() -> None:
    d = desk.busy()
    for line in Line.objects.filter(subject_id=d.acme.client_id):
        lines.change(line, amount=Decimal(1))
    assert prove("credit_limits").ok
    assert prove("credit_breaches").ok


@pytest.mark.parametrize(
    ("name", "damage", "repair", "told"),
    [
        (
            "machines_in_the_database",
            "CREATE OR REPLACE FUNCTION rfqs_quote_status_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            None,
            "function rfqs_quote_status_moves is not what the code says",
        ),
        (
            "triggers_stand",
            "ALTER TABLE ledger_ledgerline DISABLE TRIGGER ledger_zero_sum",
            "ALTER TABLE ledger_ledgerline ENABLE TRIGGER ledger_zero_sum",
            "trigger ledger_zero_sum on ledger_ledgerline is switched off",
        ),
        (
            "triggers_stand",
            "ALTER TRIGGER events_event_kept ON events_event RENAME TO elsewhere",
            "ALTER TRIGGER elsewhere ON events_event RENAME TO events_event_kept",
            "trigger events_event_kept on events_event is missing",
        ),
        (
            "history_is_read_only",
            "GRANT UPDATE ON ledger_ledgerline TO flowdesk_app",
            "REVOKE UPDATE ON ledger_ledgerline FROM flowdesk_app",
            "flowdesk_app has UPDATE on ledger_ledgerline",
        ),
        (
            "history_is_read_only",
            "GRANT UPDATE (amount) ON ledger_ledgerline TO PUBLIC",
            "REVOKE UPDATE (amount) ON ledger_ledgerline FROM PUBLIC",
            "PUBLIC has UPDATE on ledger_ledgerline",
        ),
        (
            "history_is_read_only",
            "GRANT TRUNCATE ON rfqs_rfq TO flowdesk_app",
            "REVOKE TRUNCATE ON rfqs_rfq FROM flowdesk_app",
            "TRUNCATE on rfqs_rfq",
        ),
    ],
)
def test_wall_that_does_not_stand_is_named(
    name: str, damage: str, repair: str | None, told: str, superuser_session: psycopg.Connection[Any]
) -> None:
    was = superuser_session.execute("SELECT pg_get_functiondef('rfqs_quote_status_moves'::regproc)").fetchone()
    assert was is not None
    superuser_session.execute(damage)
    try:
        found = prove(name)
    finally:
        superuser_session.execute(repair or was[0])
    assert found.details == [told] or any(told in detail for detail in found.details)
    assert prove(name).ok


def test_broken_line_is_told_with_its_breaches_and_exit_code_one(
    superuser: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    desk.busy()
    superuser.execute("UPDATE ledger_ledgeraccount SET held = held + 1")
    with pytest.raises(SystemExit) as no:
        call_command("verify", "--only", "holds", "--only", "zero_sums")
    assert no.value.code == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("✗ holds")
    assert any(re.match(r"    account .* holds 1, pending are 0", line) for line in told)
    assert told[-2].startswith("✓ zero_sums")
    assert told[-1].startswith("2 lines, 1 broken: holds")


def test_json_tells_every_line(superuser: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]) -> None:
    desk.busy()
    superuser.execute("UPDATE credit_line SET used = used + 1 WHERE measure = 'PRE_SETTLEMENT'")
    with pytest.raises(SystemExit):
        call_command("verify", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert [line["name"] for line in told["lines"]] == [line.name for line in proofs.LINES]
    assert [line["name"] for line in told["lines"] if not line["ok"]] == ["credit_use"]


def test_unknown_line_is_refused_by_name() -> None:
    with pytest.raises(CommandError, match="--only nonsense: no such line") as no:
        call_command("verify", "--only", "nonsense")
    assert no.value.returncode == 2


def test_many_breaches_are_counted_whole_and_told_in_part(superuser: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]) -> None:
    desk.busy()
    superuser.execute("UPDATE ledger_ledgerline SET version = version + 1000")
    assert prove("balances").count > len(prove("balances").details) == 10
