"""The desk's one handler of every "no": the views catch nothing."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.core.errors import AppError, Busy, Rejected
from apps.desk.once import new_key


class InvalidCharacter(Rejected):
    """A NUL in a form or an address: no text of ours can hold it, and no browser sends it by itself."""

    code, title = "invalid_character", "This text cannot be kept"


class RefusalMiddleware:
    """Turns an AppError under /desk/ into a page that says what was refused, why, and what can be done."""

    def __init__(self, get_response) -> None:  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_view(self, request: HttpRequest, _view: object, _args: object, _kw: object) -> HttpResponse | None:
        if not request.path_info.startswith(("/desk/", "/admin/")):
            return None
        sent = [request.POST] if request.path_info.startswith("/desk/") else [request.GET, request.POST]  # desk addresses: views.params
        if any("\0" in text for form in sent for name, values in form.lists() for text in (name, *values)):
            return show_refusal(request, InvalidCharacter("it holds a NUL character"))
        return None

    def process_exception(self, request: HttpRequest, no: Exception) -> HttpResponse | None:
        if not request.path_info.startswith("/desk/"):
            return None
        if isinstance(no, OperationalError | InterfaceError):
            no = Busy("the database did not answer in time; nothing was done")
        if not isinstance(no, AppError):
            return None
        return show_refusal(request, no)


def show_refusal(request: HttpRequest, no: AppError) -> HttpResponse:
    """A page of its own; for a form that htmx sent one note, so that what was typed stays, with a fresh key for the next try."""
    name = str(no.extra.get("pointer", "")).strip("/")
    label = name.replace("_", " ")
    field = {"field": name, "label": "" if no.detail.startswith((name, label)) else label}
    if request.headers.get("HX-Request") == "true":
        return render(request, "desk/_refused.html", {"no": no, "once": new_key()} | field, status=no.status)
    back = request.headers.get("Referer", "")
    here = request.build_absolute_uri("/")
    context = {"no": no, "status": no.status, "back": back if back.startswith(here) else "/desk/"} | field
    return render(request, "desk/refused.html", context, status=no.status)
