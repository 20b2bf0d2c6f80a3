"""The OpenAPI side of the views: their bodies, answers and problems, from the same shapes that read them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from .shapes import Body, Field, array, obj, text

F = TypeVar("F", bound=Callable[..., Any])

PROBLEM = obj(
    {
        "type": text("a page that explains the code"),
        "title": text("the kind, in words"),
        "status": {"type": "integer"},
        "detail": text("what was wrong here"),
        "code": text("stable; listed in docs/errors.md"),
        "request_id": text("give it to us when you ask"),
        "retry": text("whether the same request may be sent again", enum=["safe", "after", "never", "check_status"]),
        "errors": array(obj({"pointer": text("RFC 6901"), "code": text("stable"), "detail": text("what was wrong")})),
    },
    "errors",
)
_SIGNING = [
    OpenApiParameter("Signature-Input", str, OpenApiParameter.HEADER, required=True, description="RFC 9421, profile otc-v1"),
    OpenApiParameter("Signature", str, OpenApiParameter.HEADER, required=True, description="RFC 9421, label sig1"),
]
_WRITING = [
    OpenApiParameter(
        "Idempotency-Key",
        str,
        OpenApiParameter.HEADER,
        required=True,
        description='a quoted string, 16 to 64 of A-Z a-z 0-9 _ -, e.g. "8e03978e-40d5-43e8-bc93-6894a57f9324"',
    ),
    OpenApiParameter("Content-Digest", str, OpenApiParameter.HEADER, required=True, description="RFC 9530, sha-256 of the body"),
]
_COMMON = {
    400: "invalid_request: a field, parameter or cursor is wrong; `errors` names each",
    401: "invalid_signature",
    403: "ip_not_allowed, scope_missing",
    429: "rate_limited",
    503: "busy (retry: safe) or outcome_unknown (retry: check_status)",
}


class SignedScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    target_class = "apps.api.door.SignedRequests"
    name = "otc-v1"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Signature",
            "description": "RFC 9421 HTTP Message Signatures with Ed25519, one fixed profile; docs/api.md shows how to build it.",
        }


def documented(
    summary: str,
    *,
    name: str | None = None,
    answer: Mapping[str, Any],
    status: int = 200,
    body: Body | None = None,
    query: Mapping[str, Field] | None = None,
    refusals: Mapping[int, str] | None = None,
    example: Any = None,
    answer_example: Any = None,
) -> Callable[[F], F]:
    """Describe one operation.

    :param refusals: status → the codes it may carry, beside those of every operation
    """
    responses: dict[int, Any] = {status: OpenApiResponse(response=dict(answer), description=summary)}
    for code, what in sorted((_COMMON | dict(refusals or {})).items()):
        responses[code] = OpenApiResponse(response=PROBLEM, description=what)
    examples = []
    if example is not None:
        examples.append(OpenApiExample("request", value=example, request_only=True))
    if answer_example is not None:
        examples.append(OpenApiExample("answer", value=answer_example, response_only=True, status_codes=[str(status)]))
    parameters = [
        OpenApiParameter(
            name,
            {k: v for k, v in field.schema().items() if k not in {"description", "examples"}},
            OpenApiParameter.QUERY,
            required=field.required,
            description=field.about,
        )
        for name, field in (query or {}).items()
    ]
    decorate: Callable[[F], F] = extend_schema(
        operation_id=name,
        summary=summary,
        request={"application/json": body.schema()} if body is not None else None,
        responses=responses,
        parameters=[*_SIGNING, *(_WRITING if body is not None else []), *parameters],
        examples=examples,
    )
    return decorate
