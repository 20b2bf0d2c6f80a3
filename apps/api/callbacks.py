"""The door for custodians' callbacks: signed by a secret of that rail (Standard Webhooks), or refused before anything is read."""

import logging

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed

from apps.core import clock
from apps.core.errors import AppError
from apps.settlement.rules import callbacks, custody
from apps.workflows.hear_rail import hear_deposit, hear_withdrawal

from . import problems

BODY_MAX = 64 * 1024
log = logging.getLogger(__name__)


class InvalidCallback(AppError):
    """A callback to a rail's address that no secret shared with that rail has signed, or not within five minutes of now."""

    code, status, title = "invalid_callback", 401, "The callback's signature does not hold"


class UnreadableCallback(AppError):
    """A signed callback that says nothing we know; `detail` names the member."""

    code, status, title = "unreadable_callback", 422, "The callback cannot be read"


@csrf_exempt
def hear(request: HttpRequest, rail: str) -> HttpResponse:
    """POST /rails/{rail}/callbacks. 200 with whether it was of ours; a 5xx: send it again. What comes twice or late changes nothing."""
    if request.method != "POST":
        answer = problems.respond(problems.of_exception(MethodNotAllowed(str(request.method))))
        answer["Allow"] = "POST"
        return answer
    try:
        return _answer(_heard(request, rail))
    except Exception as wrong:
        return problems.respond(problems.of_exception(wrong))


def _heard(request: HttpRequest, rail: str) -> bool:
    body = request.read(BODY_MAX + 1)
    if len(body) > BODY_MAX:
        raise problems.BodyTooLarge
    shared = settings.CUSTODIANS.get(rail, {}).get("callback_secrets", "").split()
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        message = callbacks.verify(headers, body, secrets=map(callbacks.secret_of, shared), now=clock.wall_now())
    except callbacks.NotSigned as no:
        log.warning("callback to %.40r refused: %s", rail, no)
        raise InvalidCallback("not signed by a custodian of ours at this moment") from None
    try:
        said = orjson.loads(body)
        kind, data = (said.get("type"), said.get("data")) if isinstance(said, dict) else (None, None)
        if kind == "withdrawal":
            return bool(hear_withdrawal(rail=rail, said=custody.read_withdrawal(data), message=message))
        if kind == "deposit":
            return bool(hear_deposit(rail=rail, said=custody.read_deposit(data)))
    except orjson.JSONDecodeError:
        raise UnreadableCallback("not JSON") from None
    except custody.BadAnswer as no:
        raise UnreadableCallback(str(no)) from None
    raise UnreadableCallback("type: withdrawal or deposit")


def _answer(ours: bool) -> HttpResponse:
    return HttpResponse(orjson.dumps({"ours": ours}), content_type="application/json")
