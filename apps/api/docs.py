"""The OpenAPI side of the views: their bodies, answers and problems, from the same shapes that read them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from .shapes import EMPTY, Body, Field, array, obj, text

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
# How an operation is authenticated: all of a set's schemes, of one set or the other.
_SIGNED: dict[str, list[str]] = {"otc-v1": [], "otc-v1-input": []}
_TOKEN: dict[str, list[str]] = {"bearer": []}
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
PROBLEM_TYPE = "application/problem+json"
_IF_CHANGED = [OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="the ETag of what you have")]
_COMMON = {
    400: "invalid_request: a field, parameter or cursor is wrong, and `errors` names each; invalid_cursor",
    401: "invalid_signature, invalid_token",
    403: "ip_not_allowed, scope_missing",
    406: "not_acceptable: answers are JSON",
    429: "rate_limited",
    503: "busy (retry: safe) or outcome_unknown (retry: check_status)",
}
_OF_BODIES = {
    409: "idempotency_in_progress",
    411: "length_required",
    413: "body_too_large",
    415: "unsupported_media_type: bodies are application/json in UTF-8, not encoded",
    422: "idempotency_key_reused",
}


_HEADERS = {
    "API-Version": "the version of this answer",
    "ETag": "of these bytes: ask again with If-None-Match",
    "Idempotency-Replayed": "true: the stored answer of an earlier request with the same key",
    "RateLimit": 'what is left of each policy, e.g. "requests";r=399;t=4',
    "RateLimit-Policy": 'what a policy allows, e.g. "requests";q=400;w=4',
    "Retry-After": "seconds to wait",
    "WWW-Authenticate": "how to sign in: Signature or Bearer",
    "X-Request-Id": "give it to us when you ask",
}
_OF_ANSWERS = ["X-Request-Id", "API-Version", "RateLimit-Policy", "RateLimit"]
_OF_PROBLEMS = {"401": ["WWW-Authenticate"], "429": ["Retry-After", "RateLimit-Policy", "RateLimit"], "503": ["Retry-After"]}


class SignedScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    target_class = "apps.api.door.SignedRequests"
    name = ["otc-v1", "otc-v1-input", "bearer"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        how = "RFC 9421 HTTP Message Signatures with Ed25519, one fixed profile; docs/api.md shows how to build it."
        return [
            {"type": "apiKey", "in": "header", "name": "Signature", "description": how},
            {"type": "apiKey", "in": "header", "name": "Signature-Input", "description": "What the signature covers, and by which key."},
            {"type": "http", "scheme": "bearer", "description": "A token of POST /api/v1/tokens: reads for 15 minutes what its key reads."},
        ]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return [_SIGNED, _TOKEN] if auto_schema.method == "GET" else [_SIGNED]


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
    one: bool = False,
    file: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Callable[[F], F]:
    """Describe one operation.

    :param refusals: status → the codes it may carry, beside those of every operation
    :param one: a single object: it has an ETag, and is asked for again by it
    :param file: the answer is a file of this media type
    :param headers: what some of its answers have beside those of every operation, and when
    """
    responses: dict[Any, Any] = {status: OpenApiResponse(response=dict(answer), description=summary)}
    if file is not None:
        responses = {(status, file): OpenApiResponse(OpenApiTypes.BINARY, summary)}
    if one or file is not None:
        responses[304] = OpenApiResponse(description="it is what you have")
    told = [_COMMON, _OF_BODIES if body is not None else {}, refusals or {}]
    for code in sorted({code for some in told for code in some}):
        what = ", ".join(dict.fromkeys(part for some in reversed(told) if code in some for part in some[code].split(", ")))
        responses[code, PROBLEM_TYPE] = OpenApiResponse(response=PROBLEM, description=what)
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
    for given, about in (headers or {}).items():
        parameters.append(OpenApiParameter(given, str, OpenApiParameter.HEADER, response=[status], description=about))
    decorate: Callable[[F], F] = extend_schema(
        operation_id=name,
        summary=summary,
        request={"application/json": body.schema()} if body is not None else None,
        responses=responses,
        parameters=[*(_WRITING if body is not None else []), *(_IF_CHANGED if one or file is not None else []), *parameters],
        examples=examples,
    )
    return decorate


def name_problem(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: the one shape of every "no" stands in the document once, by name."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                if PROBLEM_TYPE in answer.get("content", {}):
                    answer["content"][PROBLEM_TYPE]["schema"] = {"$ref": "#/components/schemas/Problem"}
    return result


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: the headers of answers, by name, and the bodies of DELETE, which it leaves out and we sign."""
    result["components"]["headers"] = {name: {"description": about, "schema": {"type": "string"}} for name, about in _HEADERS.items()}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/api/v1/"):
                continue
            writes = any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
            if method == "delete" and writes:
                content = {"schema": EMPTY.schema(), "examples": {"Request": {"value": {}}}}
                operation["requestBody"] = {"content": {"application/json": content}, "required": True}
            for status, answer in operation["responses"].items():
                names = _OF_ANSWERS + ["Idempotency-Replayed"] * writes
                if status >= "400":
                    names = ["X-Request-Id", *_OF_PROBLEMS.get(status, ())]
                    names += ["Retry-After"] * ("idempotency_in_progress" in answer["description"])
                if "304" in operation["responses"] and status < "400":
                    names = [*names, "ETag"]
                if names:
                    answer["headers"] = answer.get("headers", {}) | {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return result
