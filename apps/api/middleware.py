"""What goes wrong before any view is found is a problem document too, in debug mode as in production."""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from . import problems


class ApiProblems:
    """First in line for paths under /api/: an unknown Host is refused here, with a problem."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        try:
            request.get_host()
            return self.get_response(request)
        except (DisallowedHost, RequestDataTooBig) as no:
            return self._refuse(str(no))

    def _refuse(self, why: str) -> HttpResponse:
        return problems.respond(problems.document(400, "invalid_request", "The request is not valid", why))
