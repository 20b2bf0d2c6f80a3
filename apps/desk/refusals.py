"""The desk's one handler of every "no": the views catch nothing."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.core.errors import AppError, Busy


class RefusalMiddleware:
    """Turns an AppError under /desk/ into a page that says what was refused, why, and what can be done."""

    def __init__(self, get_response) -> None:  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, no: Exception) -> HttpResponse | None:
        if not request.path_info.startswith("/desk/"):
            return None
        if isinstance(no, OperationalError | InterfaceError):
            no = Busy("the database did not answer in time; nothing was done")
        if not isinstance(no, AppError):
            return None
        return show_refusal(request, no)


def show_refusal(request: HttpRequest, no: AppError) -> HttpResponse:
    back = request.headers.get("Referer", "")
    here = request.build_absolute_uri("/")
    context = {"no": no, "status": no.status, "back": back if back.startswith(here) else "/desk/"}
    return render(request, "desk/refused.html", context, status=no.status)
