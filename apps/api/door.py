"""The base of every REST view: signed request in, one call, answer out. Views parse, call and show; nothing else."""

import re
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar, cast

import orjson
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.clients.queries import KeyGrant
from apps.core import actor as acting
from apps.core import ids, valkey
from apps.core.actor import Actor
from apps.core.errors import AppError, NotFound
from apps.core.valkey import Command

from . import auth, etags, jsonbody, limits, signing, versions
from . import standing as standings
from .once import Answer, RequestOnce, request_hash
from .problems import BodyTooLarge, LengthRequired, ScopeMissing, UnsupportedMediaType
from .shapes import Body
from .standing import KeyChanged, Standing
from .tokens import InvalidToken
from .versions import Deprecated

_JSON = frozenset({"*/*", "application/json"})
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_UTF8 = re.compile(r"application/json(\s*;\s*charset=\"?utf-?8\"?)?", re.ASCII | re.IGNORECASE)

# What runs the use case of this request: a sandbox brings about what refuses it first, in the same transaction (ADR 0020).
around: ContextVar[Callable[..., Any] | None] = ContextVar("around", default=None)


class Caller:
    """What DRF calls the user: a key that has proven itself, or a bearer token of one (`signed` is None)."""

    is_authenticated = True

    def __init__(self, grant: KeyGrant, signed: signing.Signed | None) -> None:
        self.grant, self.signed, self.actor = grant, signed, grant.actor()


class SignedRequests(BaseAuthentication):
    """RFC 9421 signatures, or a bearer token; the address's allowance of bad ones is looked at before any crypto."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        plain = request._request
        address = auth.request_ip(plain)
        limits.require_not_blocked(address)
        door = cast(Door, request.parser_context["view"])
        try:
            token = _bearer(plain)
            if token is not None:
                grant = auth.find_token_grant(token, address)
                if not signing.is_path(plain.path):
                    raise NotFound("no such address")
                return Caller(grant, None), None
            signed = auth.parse_request(plain)
            standing = door.standing = standings.of(signed.key_id) if request.method in signing.BODY_METHODS and not door.is_again else None
            grant = auth.find_grant(signed, address, known=None if standing is None else standing.grant)
            if standing is None:
                standings.keep(grant)
            door.greet(request, grant, signed)
            return Caller(grant, signed), None
        except (signing.InvalidSignature, InvalidToken):
            limits.count_bad_signature(plain, address)
            raise

    def authenticate_header(self, request: Request) -> str:
        return 'Signature realm="otc-v1"'


def _bearer(request: HttpRequest) -> str | None:
    """
    :raises InvalidSignature: a token and a signature: which of the two is meant is not for us to guess
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    if "signature" in request.headers or "signature-input" in request.headers:
        raise signing.InvalidSignature("signature: a bearer token beside it")
    return token.strip()


class Door(APIView):
    """One resource. `scopes` names what a key needs, by method.

    A door that `hears_late` has POSTs that do nothing but :meth:`run` a use case: what Valkey says of the nonce and the key's rate is heard
    while the use case's first flight is under way, and what that read is undone where the answer is no. Of a key that was refused a moment
    ago, and everywhere else, it is heard first.
    """

    authentication_classes = (SignedRequests,)
    permission_classes = ()
    scopes: ClassVar[dict[str, str]] = {}
    media: ClassVar[str] = ""  # of its answer, where that is a file
    deprecated: ClassVar[Deprecated | None] = None  # what older versions of its answers have
    version: str | None = None  # of this answer, once its key is known
    standing: Standing | None = None  # of a key that is let in by what was known of it, until that is read again
    is_again = False  # heard from the start once more
    hears_late: ClassVar[bool] = False
    is_let_in = False  # its signature held and its nonce is spent
    _unheard: signing.Signed | None = None  # what Valkey was asked for and has to say before anything comes of it: of the nonce,
    _unspent: KeyGrant | None = None  # and of the key's rate
    _acting: AbstractContextManager[None]

    def dispatch(self, request: Any, *args: Any, **kw: Any) -> HttpResponseBase:
        self.began = time.perf_counter_ns()
        request_id = ids.encode("req", ids.uuid7())
        with acting.acting(acting.SYSTEM, request_id), valkey.gathered():
            answer = self._answer(request, *args, **kw)
            limits.give_back()
            limits.tell(request, answer)
            versions.tell(answer, self.version, self.deprecated)
            answer["X-Request-Id"] = request_id
            return etags.unless_same(request, answer)

    def _answer(self, request: Any, *args: Any, **kw: Any) -> HttpResponseBase:
        """Once more from the start where the key turns out to be not what it was."""
        try:
            answer = super().dispatch(request, *args, **kw)
            if self.standing is None or self.standing.holds():
                return answer
        except KeyChanged:
            pass
        except (DatabaseError, InterfaceError) as no:  # of that last look alone: a view's own are answered by it
            return self.finalize_response(self.request, self.handle_exception(no))
        self.is_again = True
        limits.give_back()
        limits.forget(request)
        return super().dispatch(request, *args, **kw)

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, KeyChanged):
            raise exc
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kw: Any) -> Response:
        """Nothing is answered before Valkey was heard, wherever the request ended."""
        try:
            self.hear()
        except (AppError, signing.InvalidSignature) as no:
            response = self.handle_exception(no)
        return super().finalize_response(request, response, *args, **kw)

    def greet(self, request: Request, grant: KeyGrant, signed: signing.Signed) -> None:
        """A signature held: ask Valkey for all that this request needs of it.

        :raises InvalidSignature: its nonce was used before, where that is heard at once
        """
        if self.is_let_in:
            valkey.ahead(self.ahead(request, grant))
            return
        valkey.ahead([auth.first_use(signed), *self.ahead(request, grant)])
        if self.hears_late and request.method == "POST" and not limits.is_pressed(grant.key_id):
            self._unheard = signed
        else:
            auth.require_first_use(signed)
            self.is_let_in = True

    def hear(self) -> None:
        """What Valkey says of the nonce, where that is heard late, and of the key's rate once that is to be spent; each is heard once.

        :raises InvalidSignature: the nonce was used before
        :raises RateLimited: the key has nothing left
        """
        plain = self.request._request
        (signed, grant), self._unheard, self._unspent = (self._unheard, self._unspent), None, None
        if signed is not None:
            try:
                auth.require_first_use(signed)
            except signing.InvalidSignature:
                limits.count_bad_signature(plain, auth.request_ip(plain))
                raise
            self.is_let_in = True
        if grant is not None:
            limits.spend(plain, policy="requests", who=grant.key_id, rate=requests_rate(grant))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Answers are JSON, or the file that was asked for: only who wants something else is looked at closely."""
        wanted = request._request.META.get("HTTP_ACCEPT", "*/*")
        if wanted in _JSON or (self.media and self.media in wanted):
            return None, "application/json"
        return super().perform_content_negotiation(request, force)

    def initial(self, request: Request, *args: Any, **kw: Any) -> None:
        plain = request._request
        if request.method in signing.BODY_METHODS:
            length = plain.META.get("CONTENT_LENGTH", "")
            if not _DIGITS.fullmatch(length):
                raise LengthRequired()
            if int(length) > jsonbody.MAX_BYTES:
                raise BodyTooLarge()
        super().initial(request, *args, **kw)
        if request.method in signing.BODY_METHODS and not _is_plain_json(plain):
            raise UnsupportedMediaType()
        method = "GET" if request.method == "HEAD" else request.method or ""
        need = self.scopes.get(method, "read")
        caller = cast(Caller, request.user)
        self.version = versions.of(plain, caller.grant.api_version)
        if caller.signed is None and method != "GET":
            raise ScopeMissing("a bearer token only reads: sign the request")
        if need not in caller.grant.scopes:
            raise ScopeMissing(f"this needs the scope {need}")
        self._unspent = caller.grant
        if self._unheard is None:
            self.hear()

    def ahead(self, request: Request, grant: KeyGrant) -> list[Command]:
        """What this request will ask Valkey for, known once the signature holds; it travels with the nonce."""
        return [*limits.commands(policy="requests", who=grant.key_id, rate=requests_rate(grant))]

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.user)

    @property
    def actor(self) -> Actor:
        return self.caller.actor

    def elapsed_us(self) -> int:
        return (time.perf_counter_ns() - self.began) // 1000

    def read(self, body: Body) -> dict[str, Any]:
        return body.read(self.request._request.body)

    def run(
        self,
        call: Callable[..., Any],
        *,
        operation: str,
        render: Callable[[Any], tuple[int, dict[str, Any]]],
        reference: str = "",
        gate: int | None = None,
        told_once: Collection[str] = (),
        house: Mapping[str, Any] | None = None,
        meanwhile: Callable[[], Mapping[str, Any]] = dict,
        **kw: Any,
    ) -> HttpResponse:
        """Call a use case as this key's member, once for this idempotency key.

        :param meanwhile: what brings further arguments while the first flight is under way
        :param told_once: secret members of the answer
        :param house: what the event of a refusal keeps for the desk
        """
        plain, caller = self.request._request, self.caller
        assert caller.signed is not None
        key = caller.signed.idempotency_key
        assert key is not None and caller.actor.client_id is not None
        if self._unheard is None:
            brought = meanwhile()
            meanwhile = partial(dict, brought)
        else:
            meanwhile = partial(self._heard, meanwhile)
        once = RequestOnce(
            scope_id=caller.actor.client_id,
            key=key,
            request_hash=request_hash(plain.method or "", plain.path, plain.META.get("QUERY_STRING", ""), plain.body),
            operation=operation,
            render=render,
            reference=reference,
            gate=gate,
            told_once=told_once,
            house=house,
            standing=self.standing,
            meanwhile=meanwhile,
        )
        with acting.acting(caller.actor, acting.current_request_id()):
            run = around.get()
            return reply((call if run is None else partial(run, call=call))(once=once, actor=caller.actor, **kw))

    def _heard(self, meanwhile: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        self.hear()
        return meanwhile()


def _is_plain_json(request: HttpRequest) -> bool:
    """A body is JSON in UTF-8 (RFC 8259) as it stands: nothing to unpack, so nothing that grows while it is unpacked."""
    kind, packed = request.META.get("CONTENT_TYPE", ""), request.META.get("HTTP_CONTENT_ENCODING", "identity")
    return (kind == "application/json" or _UTF8.fullmatch(kind) is not None) and packed.lower() == "identity"


def requests_rate(grant: KeyGrant) -> str:
    return grant.limits.get("requests") or str(settings.RATE_REQUESTS)


def reply(answer: Answer) -> HttpResponse:
    kind = "application/json" if answer.status < 400 else "application/problem+json"
    out = HttpResponse(answer.body, status=answer.status, content_type=kind)
    if answer.replayed:
        out["Idempotency-Replayed"] = "true"
    return out


def show(document: Any, *, status: int = 200) -> HttpResponse:
    """A document as JSON. Amounts in it are strings already: orjson refuses a Decimal."""
    return HttpResponse(orjson.dumps(document), status=status, content_type="application/json")


def show_one(document: Any) -> HttpResponse:
    """A single object, with the ETag by which it is asked for again."""
    return etags.tagged(show(document))
