"""RFC 9457 problem details: the one shape of every "no", and the one map of what becomes which."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
import psycopg
from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as drf

from apps.core import actor, ids
from apps.core.errors import AppError, Busy

from .cursors import InvalidCursor
from .jsonbody import InvalidBody
from .signing import InvalidSignature
from .tokens import InvalidToken

log = logging.getLogger(__name__)

DOCS = "/api/docs/errors#"
# Lock time-out, deadlock, serialization, statement and idle time-outs, shutdown, too many connections.
_BUSY = {"55P03", "40P01", "40001", "57014", "25P03", "25P04", "57P01", "57P02", "57P03", "53300"}


_CHALLENGES = {"invalid_token": 'Bearer realm="flowdesk", error="invalid_token"'}


class IdempotencyInProgress(AppError):
    code, status, title, retry = "idempotency_in_progress", 409, "The first request with this key is still running", "after"


class IdempotencyKeyReused(AppError):
    code, status, title = "idempotency_key_reused", 422, "This idempotency key was used for another request"


class RateLimited(AppError):
    code, status, title, retry = "rate_limited", 429, "Too many requests", "after"


class ScopeMissing(AppError):
    code, status, title = "scope_missing", 403, "The key's scopes do not allow this"


class LengthRequired(AppError):
    code, status, title = "length_required", 411, "A body needs a Content-Length"


class BodyTooLarge(AppError):
    code, status, title = "body_too_large", 413, "The body is larger than 64 KiB"


class UnsupportedMediaType(AppError):
    code, status, title = "unsupported_media_type", 415, "Bodies are application/json"

    def __init__(self) -> None:
        super().__init__("Content-Type: application/json, in UTF-8; no Content-Encoding")


def document(status: int, code: str, title: str, detail: str, *, retry: str = "never", **more: Any) -> dict[str, Any]:
    return {
        "type": DOCS + code,
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": actor.current_request_id() or ids.encode("req", ids.uuid7()),  # the latter: no view was found for it
        "retry": retry,
        **more,
    }


def of_error(no: AppError) -> dict[str, Any]:
    """The problem of a decided refusal; `pointer` in its extras becomes an entry of `errors`."""
    more = dict(no.extra)
    pointer = more.pop("pointer", None)
    if pointer is not None:
        more["errors"] = [{"pointer": pointer, "code": no.code, "detail": no.detail}]
    return document(no.status, no.code, no.title, no.detail, retry=no.retry, **more)


def of_exception(wrong: Exception) -> dict[str, Any]:
    """The problem of anything that went wrong; what nobody foresaw is a 500 and logged with its trace."""
    if isinstance(wrong, AppError):
        return of_error(wrong)
    if isinstance(wrong, InvalidSignature):
        log.info("signature refused: %s", wrong.cause)
        return document(401, "invalid_signature", "The signature does not hold", "the request is not signed as otc-v1 by a valid key")
    if isinstance(wrong, InvalidToken):
        log.info("token refused: %s", wrong.cause)
        return document(
            401, "invalid_token", "The token does not hold", "it is damaged, or its time or its key's is over: sign for another"
        )
    if isinstance(wrong, InvalidBody):
        too_large = any(e.code == "body_too_large" for e in wrong.errors)
        code, status = ("body_too_large", 413) if too_large else ("invalid_request", 400)
        return document(status, code, "The request is not valid", str(wrong), errors=[e.as_dict() for e in wrong.errors])
    if isinstance(wrong, InvalidCursor):
        return document(400, "invalid_cursor", "The cursor is not valid", str(wrong))
    if isinstance(wrong, DatabaseError | InterfaceError) and (busy := _busy(wrong)) is not None:
        return of_error(busy)
    if isinstance(wrong, drf.APIException):
        return _of_drf(wrong)
    if isinstance(wrong, Http404):
        return document(404, "not_found", "Not found", "Not found")
    if isinstance(wrong, RequestDataTooBig):
        return of_error(BodyTooLarge())
    if isinstance(wrong, SuspiciousOperation | UnreadablePostError):
        # Django's own words name its settings and repeat what was sent.
        why = "the Host header names none of our hosts" if isinstance(wrong, DisallowedHost) else "the request cannot be read"
        return document(400, "invalid_request", "The request is not valid", why)
    log.exception("request failed", exc_info=wrong)
    return document(
        500,
        "internal_error",
        "Something went wrong on our side",
        "nothing was stored; the same request is safe to send again",
        retry="safe",
    )


def _busy(wrong: Exception) -> AppError | None:
    cause = wrong.__cause__
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if state in _BUSY:
        return Busy("the database is busy: nothing was done")
    if isinstance(wrong, OperationalError | InterfaceError) and state is None:
        return Busy("the database does not answer: nothing was done")
    return None


def _of_drf(wrong: drf.APIException) -> dict[str, Any]:
    kinds: dict[int, tuple[str, str]] = {
        401: ("invalid_signature", "The signature does not hold"),
        403: ("forbidden", "Not allowed"),
        404: ("not_found", "Not found"),
        405: ("method_not_allowed", "The method is not allowed here"),
        406: ("not_acceptable", "Answers are JSON"),
        415: ("unsupported_media_type", "Bodies are application/json"),
    }
    code, title = kinds.get(wrong.status_code, ("invalid_request", "The request is not valid"))
    return document(wrong.status_code, code, title, str(wrong.detail))


def respond(problem: dict[str, Any]) -> HttpResponse:
    answer = HttpResponse(orjson.dumps(problem), status=problem["status"], content_type="application/problem+json")
    answer["X-Request-Id"] = problem["request_id"]
    if problem["retry"] == "after":
        answer["Retry-After"] = str(problem.get("retry_after", 1))
    if problem["status"] == 503:
        answer["Retry-After"] = "1"
    if problem["status"] == 401:
        answer["WWW-Authenticate"] = _CHALLENGES.get(problem["code"], 'Signature realm="otc-v1"')
    return answer


def handler(wrong: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER."""
    return respond(of_exception(wrong))


# --- Django's own errors, under /api/ as problems, elsewhere as pages ---------------------------------------------------
def page(request: HttpRequest, status: int, code: str, title: str, retry: str = "never") -> HttpResponse:
    if f"/{request.path.lstrip('/')}/".lower().startswith("/api/"):  # as who misspells it means it
        return respond(document(status, code, title, title, retry=retry))
    from django.shortcuts import render

    return render(request, "error.html", {"status": status, "title": title}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 400, "invalid_request", "The request is not valid")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 403, "forbidden", "Not allowed")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 404, "not_found", "Not found")


def failed(request: HttpRequest) -> HttpResponse:
    return page(request, 500, "internal_error", "Something went wrong on our side", retry="safe")


@csrf_exempt
def nowhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Every other path under /api/, by any method."""
    return not_found(request)


def read_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A document that anybody may read: any method but GET and HEAD is refused with a problem, and asked for no token of a form."""

    @csrf_exempt
    @wraps(view)
    def read(request: HttpRequest, *args: Any, **kw: Any) -> HttpResponseBase:
        if request.method in {"GET", "HEAD"}:
            return view(request, *args, **kw)
        answer = respond(document(405, "method_not_allowed", "The method is not allowed here", "a document: GET or HEAD"))
        answer["Allow"] = "GET, HEAD"
        return answer

    return read
