"""Every address of our own people's site by every role, pages and forms, and the records of the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from apps.core import db
from apps.desk.views.rfqs import ACTS
from apps.users.models import User
from apps.users.rules import ROLES
from tests.guard.access import DESK, RECORDS
from tests.guard.knock import check, counted
from tests.guard.office import Office, browser_of, filled, form

UNREADABLE = "desk/rfqs/<str:rfq>/send/"  # rates that no ticket showed are unreadable before anyone asks who sends them


def test_a_stranger_is_led_to_the_sign_in_from_every_address(staffed: Office) -> None:
    wrong, before, nobody = [], counted(), Client()
    for pattern, (_, _, fields) in DESK.items():
        address = staffed.address(pattern)
        for ask in (
            Client().get,
            Client().head,
            Client().put,
            Client().delete,
            lambda to, fields=fields: Client().post(to, form(**fields)),
        ):
            answer = ask(address)
            if answer.status_code != 302 or not answer["Location"].startswith("/login/?next=/desk/"):
                wrong.append(f"{address}: {answer.status_code} {answer.headers.get('Location')}")
    for table in RECORDS:
        for tail in ("", "add/", "1/change/", "1/delete/", "1/history/"):
            address = f"/admin/{table.replace('.', '/')}/{tail}"
            for answer in (nobody.get(address), nobody.post(address, {"x": "1"})):
                if answer.status_code != 302 or "/login/?next=" not in answer["Location"]:
                    wrong.append(f"{address}: {answer.status_code}")
    check(wrong)
    assert counted() == before


def test_each_role_opens_its_pages_and_no_other(staffed: Office, whole: bool) -> None:
    wrong, before = [], counted()
    for pattern, (may_open, may_send, _) in DESK.items():
        address = staffed.address(pattern)
        for role in ROLES:
            if role in may_open.split() and role != "admin" and not whole:
                continue
            answer = staffed.browsers[role].get(address)
            if role in may_open.split():
                good = answer.status_code == 200 or (answer.status_code == 302 and answer["Location"].startswith("/desk/"))
                good = good or (answer.status_code == 404 and unmade(pattern))
            elif may_open:
                good = answer.status_code == 403 or (answer.status_code == 404 and "<" in pattern)
            else:
                good = answer.status_code in {403, 405}
            if not good:
                wrong.append(f"GET {address} by {role}: {answer.status_code}")
            if not may_send and staffed.browsers[role].post(address, form()).status_code not in {403, 405}:
                wrong.append(f"POST {address} by {role} was not refused")
            for other in ("put", "patch", "delete"):
                if getattr(staffed.browsers[role], other)(address).status_code not in {403, 405}:
                    wrong.append(f"{other} {address} by {role} was not refused")
    check(wrong)
    assert counted() == before


def test_a_form_is_taken_from_whom_it_is_for_and_from_nobody_else(staffed: Office) -> None:
    wrong = []
    for pattern, (_, may_send, fields) in DESK.items():
        if not may_send:
            continue
        acts = list(ACTS) if "<str:act>" in pattern else [""]
        for act in acts:
            allowed = {"trader"} if act == "withdraw" else set(may_send.split())
            address = staffed.address(pattern, **({"act": act} if act else {}))
            for role in ROLES:
                if role in allowed:
                    continue
                before = done()
                answer = staffed.browsers[role].post(address, filled(pattern, fields))
                if pattern == UNREADABLE and answer.status_code == 422:
                    pass
                elif answer.status_code not in {403, 404} or (answer.status_code == 404 and not (act == "withdraw" or unmade(pattern))):
                    wrong.append(f"POST {address} by {role}: {answer.status_code}")
                if done() != before:
                    wrong.append(f"POST {address} by {role} did something")
    check(wrong)


def test_who_may_send_a_form_is_not_told_that_they_may_not(staffed: Office) -> None:
    wrong = []
    for pattern, (_, may_send, fields) in DESK.items():
        for role in may_send.split():
            answer = staffed.browsers[role].post(staffed.address(pattern, act="hold"), filled(pattern, fields))
            if answer.status_code in {403, 405} or answer.status_code >= 500:
                wrong.append(f"POST {pattern} by {role}: {answer.status_code}")
    check(wrong)


def test_each_record_is_looked_at_by_whom_it_is_for_and_written_by_nobody(staffed: Office, whole: bool) -> None:
    wrong, before = [], counted()
    for model in admin.site._registry:
        table = model._meta.label_lower
        base = f"/admin/{table.replace('.', '/')}/"
        row = model._default_manager.first()
        first = RECORDS[table].split()[0]
        for role in ROLES:
            browser = staffed.browsers[role]
            may = role in RECORDS[table].split()
            if may and role != first:
                continue  # one who may look is enough: these pages are slow, and tests/desk asks the permission of each
            expected = 200 if may else 403
            tails = ("", f"{row.pk}/change/", f"{row.pk}/history/") if row is not None else ("",)
            tails = tails if whole or not may else ()
            wrong += [f"GET {base}{tail} by {role}" for tail in tails if browser.get(base + tail).status_code != expected]
            if row is None:
                continue
            for tail in ("add/", f"{row.pk}/change/", f"{row.pk}/delete/"):
                if (got := browser.post(f"{base}{tail}", {"_save": "1", "status": "X"}).status_code) != 403:
                    wrong.append(f"POST {base}{tail} by {role}: {got}")
            delete = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
            if (got := browser.post(base, delete).status_code) not in {expected, 302}:  # the list again: there are no actions
                wrong.append(f"an action on {base} by {role}: {got}")
            if model._default_manager.filter(pk=row.pk).first() is None:
                wrong.append(f"an action on {base} by {role} deleted")
    check(wrong)
    assert counted() == before


def test_what_a_record_hides_cannot_be_asked_for_a_character_at_a_time(staffed: Office) -> None:
    wrong = []
    for model, record in admin.site._registry.items():
        table = model._meta.label_lower
        browser = staffed.browsers[RECORDS[table].split()[0]]
        for name in record.hidden:
            for lookup in ("__startswith=a", "__contains=a", "__gte=a", "=a", "__isnull=0"):
                answer = browser.get(f"/admin/{table.replace('.', '/')}/?{name}{lookup}")
                if answer.status_code not in {400, 403, 302}:
                    wrong.append(f"{table}: ?{name}{lookup}: {answer.status_code}")
    check(wrong)


def test_who_lost_a_role_or_is_no_longer_of_us_is_out_with_the_next_request(staffed: Office) -> None:
    tom = User.objects.create_user("tom", password="a long enough password", is_staff=True)
    tom.groups.set(Group.objects.filter(name="trader"))
    browser = browser_of(tom)
    assert browser.get("/desk/rfqs/").status_code == 200
    tom.groups.clear()
    assert browser.get("/desk/rfqs/").status_code == 403
    assert browser.post("/desk/halts/throw/", form(scope="all", reason="revenge")).status_code == 403
    tom.groups.set(Group.objects.filter(name="trader"))
    User.objects.filter(pk=tom.pk).update(is_staff=False)
    assert browser.get("/desk/rfqs/").status_code == 403
    User.objects.filter(pk=tom.pk).update(is_staff=True, is_active=False)
    assert browser.get("/desk/rfqs/").status_code == 302
    assert browser.get("/admin/").status_code == 302
    User.objects.filter(pk=tom.pk).update(is_active=True)
    again = browser_of(User.objects.get(pk=tom.pk))
    changed = User.objects.get(pk=tom.pk)
    changed.set_password("another long password")
    changed.save()
    assert again.get("/desk/rfqs/").status_code == 302, "a new password ends the sessions of the old one"


def done() -> tuple[Any, ...]:
    """Facts, but not that someone was refused."""
    return db.one("SELECT count(*) FROM events_event WHERE kind NOT LIKE '%%.refused'")


def unmade(pattern: str) -> bool:
    """Addresses of things that this day has none of, or that not everyone sees."""
    things = (
        "<uuid:call>",
        "<uuid:halt>",
        "<str:receipt>",
        "<uuid:approval>",
        "<str:instruction>",
        "<str:net_set>",
        "<str:alert>",
        "lines/set",
    )
    return any(name in pattern for name in things)
