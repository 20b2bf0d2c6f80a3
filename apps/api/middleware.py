"""The API's own way through Django: no session, no page, and what goes wrong before any view is found is a problem document too."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.module_loading import import_string

from . import problems

GetResponse = Callable[[HttpRequest], HttpResponseBase]
POLICY = "default-src 'none'; frame-ancestors 'none'"  # a JSON answer needs nothing


class ApiProblems:
    """First in line. Below /api/ an unknown Host is refused here, with a problem; signed requests (/api/v1/) go straight to their views.

    They pass what every answer passes (redirect to TLS, HSTS, sniffing, framing), and nothing that is for people: sessions, messages,
    CSRF (a signature is none of a browser's), the desk's content policy.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        views: GetResponse = convert_exception_to_response(_Views()._get_response)  # type: ignore[assignment, attr-defined]
        for name in settings.API_MIDDLEWARE:
            views = import_string(name)(views)
        self.signed: GetResponse = SecurityMiddleware(XFrameOptionsMiddleware(views))  # type: ignore[assignment]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        try:
            request.get_host()
            if not request.path.startswith("/api/v1/"):
                return self.get_response(request)
            answer = self.signed(request)
        except (DisallowedHost, RequestDataTooBig) as no:
            return problems.respond(problems.of_exception(no))
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers.setdefault("Cache-Control", "no-store")  # a signature is no Authorization: without this a cache between may keep it
        if not answer.streaming and "Content-Length" not in answer.headers:
            answer.headers["Content-Length"] = str(len(answer.content))  # type: ignore[attr-defined]
        return answer


class _Views(BaseHandler):
    """Django's resolver and view call, without any middleware of the settings."""

    def __init__(self) -> None:
        nothing: list[Any] = []
        self._view_middleware = self._template_response_middleware = self._exception_middleware = nothing
