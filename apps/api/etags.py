"""ETags of single objects: of the very bytes, so no view has to know what changes them. RFC 9110, sections 8.8.3 and 13.1.2."""

from hashlib import sha256

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags

_KEPT = ("X-Request-Id", "RateLimit-Policy", "RateLimit", "API-Version", "Deprecation", "Sunset", "Link")


def tagged(answer: HttpResponse) -> HttpResponse:
    answer["ETag"] = f'"{sha256(answer.content).hexdigest()[:32]}"'
    answer["Cache-Control"] = "private, no-cache"  # kept by the client alone, and asked about each time
    return answer


def unless_same(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    """304 where the caller has these bytes already (If-None-Match, compared weakly), else the answer."""
    wanted = request.META.get("HTTP_IF_NONE_MATCH")
    if wanted is None or answer.status_code != 200 or "ETag" not in answer.headers or request.method not in {"GET", "HEAD"}:
        return answer
    mine = answer.headers["ETag"]
    if not any(given == "*" or given.removeprefix("W/") == mine for given in parse_etags(wanted)):
        return answer
    same = HttpResponseNotModified()
    for name in (*_KEPT, "ETag", "Cache-Control"):
        if name in answer.headers:
            same.headers[name] = answer.headers[name]
    return same
