"""The AsyncAPI 3 document of the socket, made of the classes that read and say its messages (messages.py, said.py)."""

import json
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.api.problems import read_only

from . import frames
from .messages import MESSAGES, Message
from .said import TOLD

_ABOUT = (
    "Events without gaps, indicative prices, streamed quotes and commands over one WebSocket, subprotocol `otc.v1.json`. The Upgrade "
    "request is signed like a GET of REST: RFC 9421, Ed25519, profile otc-v1 (docs/api.md)."
)
_COME_BACK = frozenset({1012, 1013, 4500, 4508, 4512})
_CLOSES = {
    frames.Close.RESTART: "this server goes",
    frames.Close.TRY_LATER: "the database does not answer",
    frames.Close.MALFORMED: "not a message of this protocol",
    frames.Close.NOT_VALID: "the key, its member or client may no longer be used",
    frames.Close.FORBIDDEN: "the key may no longer read, or not from this address",
    frames.Close.UNUSED: "nothing was subscribed to or asked within 30 s",
    frames.Close.CONFLICT: "acknowledged what was never sent",
    frames.Close.TOO_LARGE: "a message of more than 64 KiB",
    frames.Close.TOO_MANY: "more than 10 messages a second, or 20 at once",
    frames.Close.INTERNAL: "an error of ours",
    frames.Close.TOO_SLOW: "7 s behind with reading or acknowledging",
    frames.Close.OVER: "the session is over: 23 h without reauth, or what the key may do was narrowed",
}


def document() -> dict[str, Any]:
    """The whole document."""
    messages = {f"send.{op}": _said(op, message) for op, message in MESSAGES.items()}
    messages |= {
        name: {"name": name, "summary": told.about, "payload": dict(told.schema)}
        | ({"examples": [{"payload": dict(told.example)}]} if told.example else {})
        for name, told in TOLD.items()
    }
    keys = {name: name.replace(".", "_") for name in messages}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Flowdesk WebSocket", "version": "1.0.0", "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "live": {
                "host": "localhost:8001",
                "protocol": "ws",
                "description": "wss in production",
                "security": [{"$ref": "#/components/securitySchemes/otc-v1"}],
            }
        },
        "channels": {
            "socket": {
                "address": "/ws/v1/",
                "description": "One connection carries every channel; `ch` of a frame names it. " + closes(),
                "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in keys.values()},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": _operations(keys),
        "components": {
            "messages": {keys[name]: message for name, message in messages.items()},
            "securitySchemes": {
                "otc-v1": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": "RFC 9421 HTTP Message Signatures with Ed25519, beside the header Signature-Input",
                }
            },
        },
    }


def closes() -> str:
    """The close codes, in a sentence each."""
    return "Close codes: " + "; ".join(
        f"{int(code)} {about} ({'come back' if code in _COME_BACK else 'do not come back'})" for code, about in _CLOSES.items()
    )


def _said(op: str, message: Message) -> dict[str, Any]:
    schema = message.shape.schema()
    if message.command is not None:
        schema["properties"]["body"] = message.command.body.schema() | {"description": f"as the body of POST {message.command.path}"}
        if message.command.body.fields:
            schema["required"] = [*schema["required"], "body"]
    schema["properties"]["op"] = {"type": "string", "const": op}
    return {"name": op, "summary": message.about, "payload": schema, "examples": [{"payload": dict(message.example)}]}


def _operations(keys: dict[str, str]) -> dict[str, Any]:
    """What the server receives, with its reply, and what it sends by itself."""
    channel = {"$ref": "#/channels/socket"}

    def named(*names: str) -> list[dict[str, str]]:
        return [{"$ref": f"#/channels/socket/messages/{keys[name]}"} for name in names]

    replies = {"sub": "subscribed", "unsub": "unsubscribed", "ping": "pong", "options": "options", "reauth": "reauthenticated"}
    out: dict[str, Any] = {}
    for op, message in MESSAGES.items():
        out[op] = {"action": "receive", "channel": channel, "summary": message.about, "messages": named(f"send.{op}")}
        reply = f"answer.{op}" if message.command is not None else replies.get(op)
        out[op]["reply"] = {"channel": channel, "messages": named(*([reply] if reply else []), "error")}
    by_itself = [name for name in TOLD if not name.startswith("answer.") and name not in {*replies.values(), "error"}]
    out["tell"] = {"action": "send", "channel": channel, "summary": "What comes by itself", "messages": named(*by_itself)}
    return out


def text() -> str:
    """The document as YAML."""
    return _text(document())


@read_only
def schema(request: HttpRequest) -> HttpResponse:
    return HttpResponse(text(), content_type="application/yaml; charset=utf-8")


@read_only
def page(request: HttpRequest) -> HttpResponse:
    """The document to be read: no script, nothing from elsewhere."""
    made = document()
    messages = made["components"]["messages"]
    rows = [{**one, "key": key, "payload": _text(one["payload"]), "example": _example(one)} for key, one in messages.items()]
    said = [row for row in rows if row["key"].startswith("send_")]
    told = [row for row in rows if not row["key"].startswith(("send_", "event_"))]
    events = [row for row in rows if row["key"].startswith("event_")]
    closed = [{"code": int(code), "about": about, "back": code in _COME_BACK} for code, about in _CLOSES.items()]
    return render(request, "api/websocket.html", {"info": made["info"], "parts": [said, told, events], "closes": closed})


def _text(schema: Any) -> str:
    return str(yaml.safe_dump(json.loads(json.dumps(schema)), sort_keys=False, allow_unicode=True, width=120))  # the round trip: no anchors


def _example(message: dict[str, Any]) -> str:
    given = message.get("examples")
    return json.dumps(given[0]["payload"], indent=2, ensure_ascii=False) if given else ""
