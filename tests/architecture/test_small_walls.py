"""Raw SQL as the platform's own role against the small walls: each refusal by its name."""

import pytest
from django.db import IntegrityError, transaction

from apps.core import clock, db
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


def refused(sql: str, by: str) -> None:
    with pytest.raises(IntegrityError, match=r".+") as no, transaction.atomic():
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == by  # type: ignore[union-attr]


def test_a_line_is_born_unused_and_its_reservations_keep_their_amounts() -> None:
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    here.deal(acme, world_side("BUY"), "1")
    refused(
        "INSERT INTO credit_line (id, level, measure, subject_id, currency, amount, excess, excess_reason, valid_from, valid_until, "
        "grant_number, reserved, used, unchecked, revalued) VALUES (gen_random_uuid(), 'CLIENT', 'PRE_SETTLEMENT', gen_random_uuid(), "
        "'USD', 1, 0, '', now(), now() + interval '1 day', 1, 0, 5, 0, 0)",
        "credit_born_empty",
    )
    refused("UPDATE credit_reservation SET amount = amount - 1", "credit_amount_stays")


def test_counters_move_forward_and_only_with_what_they_count() -> None:
    clock.freeze_desk(world.NOON)
    here.deal(world.firm("acme"), world_side("BUY"), "1")
    refused("UPDATE events_counter SET last_seq = last_seq - 1", "events_counts")
    refused("UPDATE events_counter SET last_seq = last_seq + 1", "events_counts")
    db.run("INSERT INTO reports_documentcounter (scope, kind, last) VALUES ('acme', 'statement', 3)")
    refused("UPDATE reports_documentcounter SET last = 2", "reports_numbers_forward")


def test_what_is_held_is_the_sum_of_the_holds() -> None:
    clock.freeze_desk(world.NOON)
    here.deal(world.firm("acme"), world_side("BUY"), "1")
    refused("UPDATE ledger_ledgeraccount SET held = 1", "ledger_held")


def test_a_deal_says_a_version_that_it_has() -> None:
    clock.freeze_desk(world.NOON)
    here.deal(world.firm("acme"), world_side("BUY"), "1")
    refused("UPDATE trades_trade SET version = 2", "trades_has_version")


def world_side(name: str):  # type: ignore[no-untyped-def]
    from apps.rfqs.states import Side

    return Side[name]


def test_who_decided_is_written_once() -> None:
    db.run(
        "INSERT INTO approvals_approval (id, kind, subject_type, subject_id, subject_version, title, payload, payload_hash, before, "
        "status, checker_roles, slots, maker_id, maker_name, checker_name, comment, requested_at) "
        "VALUES (gen_random_uuid(), 'release', 'x', gen_random_uuid(), '1', 't', '{}', 'h', '{}', 'REQUESTED', "
        "'[]', '[]', gen_random_uuid(), 'olga', '', '', now())"
    )
    db.run("UPDATE approvals_approval SET status = 'APPROVED', checker_id = gen_random_uuid(), checker_name = 'o', decided_at = now()")
    refused("UPDATE approvals_approval SET checker_id = gen_random_uuid()", "approvals_decided_once")
