"""What the desk does by form: four eyes, once, with CSRF, refused with a reason."""

import uuid

import pytest
from django.test import Client

from apps.core import db, ids
from apps.users.models import User
from tests.desk.day import Day, settle_day
from tests.settlement import world as house

pytestmark = pytest.mark.django_db(transaction=True)


def key() -> str:
    return str(uuid.uuid4())


def halts() -> list[tuple[str, str, bool]]:
    return [(s, r, lifted) for s, r, lifted in db.run("SELECT scope, reason, lifted_at IS NOT NULL FROM pricing_halt ORDER BY thrown_at")]


def test_a_trader_stops_a_pair_at_once_and_only_a_second_person_lifts_it(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    tara = enter("tara")
    form = {"once": key(), "scope": "pair:BTC-USD", "reason": "venue went dark"}
    assert tara.post("/desk/halts/throw/", form).status_code == 302
    assert halts() == [("PAIR", "venue went dark", False)]
    assert b"venue went dark" in tara.get("/desk/").content
    (halt,) = db.one("SELECT id FROM pricing_halt")
    mine = tara.post(f"/desk/halts/{halt}/lift/", {"once": key()})
    assert mine.status_code == 403
    assert not halts()[0][2]
    assert enter("rita").post(f"/desk/halts/{halt}/lift/", {"once": key()}).status_code == 302
    assert halts() == [("PAIR", "venue went dark", True)]


def test_the_same_form_sent_twice_acts_once(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    tara = enter("tara")
    form = {"once": key(), "scope": "all", "reason": "drill"}
    answers = [tara.post("/desk/halts/throw/", form) for _ in range(3)]
    assert [a.status_code for a in answers] == [302, 302, 302]
    assert halts() == [("ALL", "drill", False)]
    changed = tara.post("/desk/halts/throw/", {**form, "reason": "another"})
    assert changed.status_code == 409
    assert b"idempotency_key_reused" in changed.content
    assert halts() == [("ALL", "drill", False)]


def test_a_refused_form_is_refused_again_with_the_same_words_and_recorded(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    tara = enter("tara")
    tara.post("/desk/halts/throw/", {"once": key(), "scope": "all", "reason": "drill"})
    form = {"once": key(), "scope": "all", "reason": "again"}
    for _ in range(2):
        answer = tara.post("/desk/halts/throw/", form)
        assert answer.status_code == 409
        assert b"already_halted" in answer.content
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'halt.refused'") == (1,)


@pytest.mark.parametrize(
    "wrong", [{"reason": ""}, {"scope": "moon"}, {"scope": "pair:XXX-YYY"}, {"scope": "client:nemo"}, {"once": "not a key"}]
)
def test_a_halt_without_reason_scope_or_key_is_refused_and_nothing_changes(enter, day: Day, wrong: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    answer = enter("tara").post("/desk/halts/throw/", {"once": key(), "scope": "all", "reason": "drill", **wrong})
    assert answer.status_code in {404, 422}
    assert halts() == []


def test_who_may_not_throw_is_refused_by_the_server(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    answer = enter("sam").post("/desk/halts/throw/", {"once": key(), "scope": "all", "reason": "mischief"})
    assert answer.status_code == 403
    assert b"role_missing" in answer.content
    assert halts() == []


def test_payments_are_stopped_by_one_and_resumed_by_another(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    assert enter("olga").post("/desk/halts/throw/", {"once": key(), "scope": "payments", "reason": "odd file"}).status_code == 302
    assert b"odd file" in enter("fay").get("/desk/settlement/").content
    assert enter("olga").post("/desk/halts/payments/lift/", {"once": key()}).status_code in {403, 409, 422}
    assert enter("oscar").post("/desk/halts/payments/lift/", {"once": key()}).status_code == 302
    assert db.one("SELECT count(*) FROM settlement_releasestop WHERE lifted_at IS NULL") == (0,)


def test_forms_need_the_sessions_csrf_key(staff: dict[str, User]) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff["tara"], backend="django.contrib.auth.backends.ModelBackend")
    answer = strict.post("/desk/halts/throw/", {"once": key(), "scope": "all", "reason": "forged"})
    assert answer.status_code == 403
    assert halts() == []


def test_release_is_asked_by_one_of_operations_and_decided_by_another_on_the_desk(enter, day: Day, staff: dict[str, User]) -> None:  # type: ignore[no-untyped-def]
    from apps.jobs import settlement as jobs

    house.at(house.VALUE_DAY)
    jobs.run_all()
    ready = db.run("SELECT id FROM settlement_instruction WHERE status = 'READY' AND direction = 'PAY' ORDER BY id")
    assert ready
    chosen = [ids.encode("ins", one) for (one,) in ready]
    olga = enter("olga")
    nothing = olga.post("/desk/settlement/release/", {"once": key()})
    assert nothing.status_code == 422
    assert b"choose at least one" in nothing.content
    assert olga.post("/desk/settlement/release/", {"once": key(), "instruction": chosen}).status_code == 302
    (approval,) = db.one("SELECT id FROM approvals_approval WHERE kind = 'release'")
    page = olga.get(f"/desk/approvals/{approval}/").content
    assert b"somebody else decides" in page
    assert b'name="decision"' not in page
    own = olga.post(f"/desk/approvals/{approval}/decide/", {"once": key(), "decision": "approve"})
    assert own.status_code == 403
    assert b"four_eyes" in own.content
    assert b"Approvals for me" in enter("oscar").get("/desk/").content
    oscar = enter("oscar")
    assert b'name="decision"' in oscar.get(f"/desk/approvals/{approval}/").content
    assert oscar.post(f"/desk/approvals/{approval}/decide/", {"once": key(), "decision": "approve", "comment": "seen"}).status_code == 302
    assert db.one("SELECT status, comment FROM approvals_approval WHERE id = %s", [approval]) == ("EXECUTED", "seen")
    assert db.run("SELECT DISTINCT status FROM settlement_instruction WHERE id = ANY(%s)", [[one for (one,) in ready]]) == [("RELEASED",)]


def test_a_decision_that_is_neither_yes_nor_no_is_refused(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    answer = enter("oscar").post(f"/desk/approvals/{day.approval.id}/decide/", {"once": key(), "decision": "perhaps"})
    assert answer.status_code == 422
    assert db.one("SELECT status FROM approvals_approval WHERE id = %s", [day.approval.id]) == ("REQUESTED",)


def test_an_approval_shows_the_current_beside_the_requested(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    page = enter("oscar").get(f"/desk/approvals/{day.approval.id}/").content.decode()
    assert "DE02120300000000202051" in page
    assert "DE89370400440532013000" in page
    assert page.count('class="changed"') == 1


def test_quarantined_money_is_put_before_compliance(enter, day: Day, staff: dict[str, User]) -> None:  # type: ignore[no-untyped-def]
    settle_day(day, staff)
    (receipt,) = db.one("SELECT id FROM settlement_receipt WHERE status = 'QUARANTINED'")
    address = f"/desk/settlement/receipts/{ids.encode('rcp', receipt)}/"
    asked = {"once": key(), "decision": "freeze", "reason": "nobody knows the sender"}
    assert enter("fay").post(address, asked).status_code == 403
    assert enter("olga").post(address, {**asked, "once": key()}).status_code == 302
    (approval,) = db.one("SELECT id FROM approvals_approval WHERE kind = 'receipt'")
    assert enter("tara").get(f"/desk/approvals/{approval}/").status_code == 404
    assert enter("carl").post(f"/desk/approvals/{approval}/decide/", {"once": key(), "decision": "approve"}).status_code == 302
    assert db.one("SELECT status FROM settlement_receipt WHERE id = %s", [receipt]) == ("FROZEN",)
