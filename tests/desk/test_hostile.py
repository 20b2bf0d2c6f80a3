"""Addresses and forms that no page of ours sends."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.core import db, ids
from apps.users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "path",
    [
        "/desk/?day=9999-12-31",
        "/desk/?day=0001-01-01",
        "/desk/rfqs/?tab=historic&day=0001-01-01",
        "/desk/search/?q=trd_a/b",
        "/desk/search/?q=rfq_../..",
    ],
)
def test_an_address_with_an_impossible_value_is_a_page(enter, path: str) -> None:  # type: ignore[no-untyped-def]
    assert enter("rita").get(path).status_code == 200


@pytest.mark.parametrize("form", [{"scope": "all", "reason": "a\0b"}, {"scope": "client:ac\0me", "reason": "a"}, {"reason\0": "a"}])
def test_a_form_with_a_nul_is_refused_and_does_nothing(enter, form: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    answer = enter("tara").post("/desk/halts/throw/", form | {"once": str(uuid.uuid4())})
    assert answer.status_code == 422
    assert db.one("SELECT count(*) FROM pricing_halt") == (0,)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "soon", ""])
def test_a_day_on_which_no_desk_ever_dealt_is_refused_by_every_form(enter, day: str) -> None:  # type: ignore[no-untyped-def]
    trade, once = ids.encode("trd", uuid.UUID(int=7)), str(uuid.uuid4())
    adjustment = {"kind": "REBATE:PAY", "account": "acme-main", "asset": "USD", "amount": "5", "reason": "x", "evidence": "x"}
    for who, address, field, form in (
        ("olga", "adjustments/ask/", "value_date", adjustment),
        ("olga", "settlement/late/redate/", "value_date", {"trade": trade}),
        ("rita", "settlement/late/close-out/", "marks_date", {"client": "acme", "event": "INSOLVENCY", "evidence": "x"}),
        ("fay", "close/day/", "date", {"act": "start"}),
        ("tara", "position/records/", "date", {"counterparty": "lp", "file": SimpleUploadedFile("a.csv", b"x")}),
    ):
        answer = enter(who).post(f"/desk/{address}", {**form, field: day, "once": once})
        said = f"{field.replace('_', ' ')}: a day such as" in answer.content.decode()
        assert (answer.status_code, said) == (422, True), address


def test_a_filter_of_the_records_with_a_nul_is_refused(enter) -> None:  # type: ignore[no-untyped-def]
    assert enter("audrey").get("/admin/rfqs/rfq/?status__exact=%00").status_code == 422


def test_a_login_with_a_name_longer_than_any_is_refused_like_any_other(client: Client, staff: dict[str, User]) -> None:
    answer = client.post("/login/", {"username": "a" * 5000, "password": "x"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session
