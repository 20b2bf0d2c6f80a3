"""Addresses and forms that no page of ours sends."""

import uuid

import pytest
from django.test import Client

from apps.core import db
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


def test_a_filter_of_the_records_with_a_nul_is_refused(enter) -> None:  # type: ignore[no-untyped-def]
    assert enter("audrey").get("/admin/rfqs/rfq/?status__exact=%00").status_code == 422


def test_a_login_with_a_name_longer_than_any_is_refused_like_any_other(client: Client, staff: dict[str, User]) -> None:
    answer = client.post("/login/", {"username": "a" * 5000, "password": "x"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session
