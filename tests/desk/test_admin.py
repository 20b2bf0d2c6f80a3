"""The records: every table by role, nothing added, changed or deleted by a form."""

import pytest
from django.contrib import admin
from django.test import RequestFactory

from apps.core import db
from apps.users.models import User
from tests.desk.day import STAFF, Day

pytestmark = pytest.mark.django_db(transaction=True)

HIDDEN_FROM_THE_FRONT = (
    "/admin/compliance/screening/",
    "/admin/compliance/listentry/",
    "/admin/settlement/receipt/",
    "/admin/events/event/",
)


def test_every_table_of_ours_is_looked_at_and_never_written(staff: dict[str, User]) -> None:
    boss = User.objects.create_superuser("boss", password="a long enough password")
    request = RequestFactory().get("/admin/")
    for user in (boss, *staff.values()):
        request.user = user
        request.__dict__.pop("desk_roles", None)
        for model, record in admin.site._registry.items():
            assert not record.has_add_permission(request), model
            assert not record.has_change_permission(request), model
            assert not record.has_delete_permission(request), model
            assert record.has_view_permission(request) == bool(user.roles & record.roles), (user.username, model)


def test_a_superuser_without_a_role_sees_no_record(client, staff: dict[str, User]) -> None:  # type: ignore[no-untyped-def]
    client.force_login(User.objects.create_superuser("boss", password="x"), backend="django.contrib.auth.backends.ModelBackend")
    for address in ("/admin/rfqs/rfq/", "/admin/users/user/", "/admin/ledger/ledgertransaction/"):
        assert client.get(address).status_code == 403, address


def test_what_compliance_keeps_to_itself_is_closed_to_sales_and_traders(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    for name in ("sam", "tara"):
        client = enter(name)
        for address in HIDDEN_FROM_THE_FRONT:
            assert client.get(address).status_code == 403, (name, address)
        assert b"/admin/compliance/" not in client.get("/admin/").content
    assert enter("carl").get("/admin/compliance/screening/").status_code == 200


def test_every_list_and_record_renders_for_whom_it_is(enter, day: Day, staff: dict[str, User]) -> None:  # type: ignore[no-untyped-def]
    for model, record in admin.site._registry.items():
        name = next(n for n, (_, role) in STAFF.items() if role in record.roles)
        client = enter(name)
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(base).status_code == 200, base
        if record.search_fields:
            assert client.get(f"{base}?q=acme").status_code == 200, base
        row = model._default_manager.first()
        if row is not None:
            page = client.get(f"{base}{row.pk}/change/")
            assert page.status_code == 200, (base, row.pk)
            assert b'name="_save"' not in page.content, base


def test_a_form_sent_to_a_record_changes_nothing(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    client = enter("olga")
    (terms,) = db.one("SELECT id FROM clients_terms LIMIT 1")
    for address in (f"/admin/clients/terms/{terms}/change/", f"/admin/clients/terms/{terms}/delete/", "/admin/clients/terms/add/"):
        assert client.post(address, {"tier": "gold"}).status_code == 403, address
    assert db.one("SELECT tier FROM clients_terms WHERE id = %s", [terms]) == ("standard",)


def test_a_list_costs_no_query_per_row(enter, day: Day, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    client = enter("olga")
    client.get("/admin/trades/trade/")
    with django_assert_max_num_queries(25):
        client.get("/admin/trades/trade/")
