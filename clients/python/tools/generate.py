"""Writes the library's models and resources out of the API's OpenAPI document: `make client`.

    python clients/python/tools/generate.py docs/openapi.yaml clients/python/flowdesk_client

Three files come out: models.py, resources.py and aresources.py. A test holds what is committed to what this makes.
"""

import json
import keyword
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

NAMES = {  # where the name of an answer, or of a part of one, would not be the field's own word
    "QuoteBuy": "QuoteSide",
    "RfqQuote": "Quote",
    "RfqQuoteBuy": "QuoteSide",
    "RfqQuoteSources": "Source",
    "QuoteSources": "Source",
    "TradeClientPays": "Money",
    "WebhookResult": "WebhookSecrets",
    "WebhookDeliveryResult": "WebhookDeliverySummary",
    "CreditWhatIfItem": "WhatIf",
    "Time": "Clocks",
    "ByClientId": "Outcome",
}
MADE_UP = {"client_rfq_id": "rfq", "client_order_id": "ord", "client_reference": "ref"}  # the library chooses one when the caller does not
DECIMALS = {"quantity", "quote_quantity", "amount", "price"}  # a null may stand for them, and then their schema names no format
VERBS = {"post": "create", "put": "replace", "patch": "update", "delete": "delete"}
ACCEPTED = {"Decimal": "Number"}
HEAD = '"""{about} Written by tools/generate.py out of the OpenAPI document; not edited by hand."""\n\n'


def singular(word: str) -> str:
    if word in {"credit", "time", "statistics", "status", "address"}:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def camel(word: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[-_]", word))


def python_name(word: str) -> str:
    word = word.replace("-", "_")
    return word + "_" if keyword.iskeyword(word) or word == "self" else word


@dataclass
class Models:
    """Dataclasses by structure: the same structure has one name wherever it comes."""

    by_shape: dict[str, str] = field(default_factory=dict)
    source: dict[str, list[str]] = field(default_factory=dict)

    def hint(self, schema: dict[str, Any], name: str, member: str = "") -> str:
        """The Python type of a value of this schema."""
        kinds = schema.get("type", "object")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        (kind,) = [k for k in kinds if k != "null"] or ["null"]
        out = self._plain(kind, schema, name, member)
        return f"{out} | None" if "null" in kinds and out != "Any" else out

    def _plain(self, kind: str, schema: dict[str, Any], name: str, member: str) -> str:
        form = schema.get("format")
        if kind == "string":
            if form == "decimal" or (member in DECIMALS and "enum" not in schema):
                return "Decimal"
            if form == "date-time" or member.endswith("_at"):
                return "datetime"
            return "date" if form == "date" else "str"
        if kind in {"integer", "boolean"}:
            return {"integer": "int", "boolean": "bool"}[kind]
        if kind == "array":
            return f"list[{self.hint(schema['items'], name)}]"
        if schema.get("properties"):
            return self.model(schema, name)
        inner = schema.get("additionalProperties")
        return f"dict[str, {self.hint(inner, name)}]" if isinstance(inner, dict) and inner else "dict[str, Any]"

    def model(self, schema: dict[str, Any], name: str) -> str:
        shape = json.dumps(_bare(schema), sort_keys=True)
        if shape in self.by_shape:
            return self.by_shape[shape]
        name = NAMES.get(name, name)
        while name in self.source:
            name = NAMES.get(f"{name}Result", f"{name}Result")
        self.by_shape[shape] = name
        self.source[name] = []  # holds the name while the parts are named
        required = set(schema.get("required", ()))
        lines, optional = [], []
        for member, part in schema["properties"].items():
            hint = self.hint(part, name + camel(singular(member) if part.get("type") == "array" else member), member)
            about = (part.get("description") or "").replace("\n", " ").strip()
            if part.get("enum"):
                about = f"{about}: " if about else ""
                about += ", ".join(str(one) for one in part["enum"])
            line = f"    {python_name(member)}: {hint}"
            renamed = python_name(member) != member
            if renamed or member not in required:
                line += "" if hint.endswith("None") else " | None"
                line += f' = field(default=None, metadata={{"wire": "{member}"}})' if renamed else " = None"
            where = optional if "=" in line else lines
            if about and len(line) + len(about) > 132:
                where += [f"    #: {part}" for part in textwrap.wrap(about, 130)]
                about = ""
            where.append(line + (f"  #: {about}" if about else ""))
        del self.source[name]  # a part stands before its whole
        self.source[name] = ["@dataclass(frozen=True, slots=True, kw_only=True)", f"class {name}(Model):", *lines, *optional, "", ""]
        return name


def _bare(schema: Any) -> Any:
    """A schema without the words about it."""
    if isinstance(schema, dict):
        return {k: _bare(v) for k, v in schema.items() if k not in {"description", "title", "examples"} or not isinstance(v, str | list)}
    return [_bare(one) for one in schema] if isinstance(schema, list) else schema


@dataclass
class Operation:
    method: str
    path: str
    about: dict[str, Any]

    def __post_init__(self) -> None:
        self.parts = self.path.removeprefix("/api/v1/").split("/")
        self.resource = python_name(self.parts[0])
        self.ids = [part[1:-1] for part in self.parts if part.startswith("{")]
        answers = self.about["responses"]
        content = next((answers[code].get("content", {}) for code in sorted(answers) if code.startswith("2")), {})
        self.answer = content.get("application/json", {}).get("schema")
        self.is_file = bool(content) and self.answer is None
        body = self.about.get("requestBody")
        self.body = body["content"]["application/json"]["schema"] if body else None
        self.query = [p for p in self.about.get("parameters", ()) if p["in"] == "query"]
        members = (self.answer or {}).get("properties", {})
        self.is_list = members.get("data", {}).get("type") == "array"
        self.is_paged = self.is_list and "next_cursor" in members

    def verb(self, beside: set[str]) -> str:
        """The method's name; `beside` has the HTTP methods of the same path."""
        words = [p.replace("-", "_") for p in self.parts[1:] if not p.startswith("{")]
        if not words:
            if self.parts[-1].startswith("{"):
                return "get" if self.method == "get" else VERBS[self.method]
            return {"get": "list" if self.is_list else "get", "post": "create", "patch": "update", "put": "replace", "delete": "delete"}[
                self.method
            ]
        last, of_one = words[-1], self.parts[-1].startswith("{")
        noun = singular(last) if of_one else last
        if self.method == "get":
            return python_name(noun)
        if self.method == "post" and not (of_one or "get" in beside):
            return python_name(last)
        return f"{VERBS[self.method]}_{singular(last)}"


def operations(document: dict[str, Any]) -> list[tuple[str, Operation]]:
    """Every operation of version 1 with its name in its resource."""
    out, taken = [], set()
    for path, methods in document["paths"].items():
        if not path.startswith("/api/v1/"):
            continue
        here = set(methods)
        for method, about in methods.items():
            one = Operation(method, path, about)
            verb = one.verb(here)
            if (one.resource, verb) in taken:
                sys.exit(f"{method.upper()} {path}: {one.resource}.{verb} is taken")
            taken.add((one.resource, verb))
            out.append((verb, one))
    return out


def _answer_hint(models: Models, one: Operation, verb: str) -> tuple[str, str]:
    """(what the method gives, what one item is): the second only of lists. Models stand in a module `m`."""
    whole, item = _own_hint(models, one, verb)
    known = re.compile(r"\b(" + "|".join(sorted(models.source, key=len, reverse=True)) + r")\b") if models.source else None
    return (known.sub(r"m.\1", whole), known.sub(r"m.\1", item)) if known else (whole, item)


def _own_hint(models: Models, one: Operation, verb: str) -> tuple[str, str]:
    base = camel(singular(one.parts[0]))
    if one.is_file:
        return "bytes", ""
    if one.answer is None or (one.answer.get("type") == "object" and not one.answer.get("properties")):
        return ("dict[str, Any]" if one.answer else "None"), ""
    words = [p for p in one.parts[1:] if not p.startswith("{")]
    name = base + "".join(camel(singular(w)) for w in words if one.method == "get")
    if one.method in VERBS and verb not in {"create", "update"}:
        name = base + camel(verb)
    if one.is_list:
        item = models.hint(one.answer["properties"]["data"]["items"], name if one.method == "get" else name + "Item")
        if one.is_paged:
            return f"Page[{item}]", item
        if set(one.answer["properties"]) == {"data"}:
            return f"Rows[{item}]", item
        return models.model(one.answer, name + "List"), item
    return models.hint(one.answer, name), ""


def method_source(models: Models, verb: str, one: Operation, *, is_async: bool) -> list[str]:
    gives, item = _answer_hint(models, one, verb)
    before = [f"{python_name(name)}: str" for name in one.ids]
    needed, free, fill = [], [], []
    if one.body is not None:
        required = set(one.body.get("required", ()))
        for member, schema in one.body.get("properties", {}).items():
            hint, name = _given_hint(schema, member), python_name(member)
            if member in MADE_UP and member in required:
                free.append(f'{name}: str = ""')
                fill.append(f'"{member}": {name} or made_up("{MADE_UP[member]}")')
                continue
            (needed if member in required else free).append(f"{name}: {hint}" + ("" if member in required else " | None = None"))
            fill.append(f'"{member}": {name}')
    for parameter in one.query:
        hint, name = _given_hint(parameter["schema"], parameter["name"]), python_name(parameter["name"])
        (needed if parameter.get("required") else free).append(f"{name}: {hint}" + ("" if parameter.get("required") else " | None = None"))
        fill.append(f'"{parameter["name"]}": {name}')
    if one.method in VERBS:
        free.append('idempotency_key: str = ""')
    stars = ["*", *needed, *free] if needed or free else []
    path = re.sub(r"\{(\w+)\}", lambda m: "{path_part(" + python_name(m[1]) + ")}", one.path)
    quoted = f'f"{path}"' if "{" in path else f'"{path}"'
    call = [f'"{one.method.upper()}"', quoted, gives if gives != "None" else "type(None)"]
    if one.method in VERBS:
        call.append(f"body={{{', '.join(fill)}}}")
        call.append("idempotency_key=idempotency_key")
    elif fill:
        call.append(f"params={{{', '.join(fill)}}}")
    define, wait = ("async def", "await ") if is_async else ("def", "")
    about = (one.about.get("summary") or verb).rstrip(".")
    out = [
        f"    {define} {verb}({', '.join(['self', *before, *stars])}) -> {gives}:",
        f'        """{about}."""',
        f"        return {wait}self._caller.ask({', '.join(call)})",
        "",
    ]
    names = [p["name"] for p in one.query]
    if item and ("cursor" in names or "after_seq" in names):
        kind = "cursor" if "cursor" in names else "after_seq"
        again = [s for s in stars if not s.startswith(f"{kind}:")] if kind == "cursor" else stars
        again = again if len(again) > 1 else []
        params = ", ".join(f for f in fill if not f.startswith(f'"{kind}"')) if kind == "cursor" else ", ".join(fill)
        turn = "" if verb == "list" else f"_{verb}"
        walk = "AsyncIterator" if is_async else "Iterator"
        door = ("self._caller.walk" if kind == "cursor" else "self._caller.walk_seq") + f"({quoted}, {item}, {{{params}}})"
        out += [
            f"    def iterate{turn}({', '.join(['self', *before, *again])}) -> {walk}[{item}]:",
            f'        """{about}: every one, page after page."""',
            f"        return {door}",
            "",
        ]
    return out


def _given_hint(schema: dict[str, Any], member: str) -> str:
    if schema.get("enum"):
        return f"Literal[{', '.join(json.dumps(one) for one in schema['enum'])}]"
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items", {})
        return "Sequence[Mapping[str, Any]]" if items.get("type") == "object" else "Sequence[str]"
    if kind == "object":
        return "Mapping[str, Any]"
    hint = Models().hint(schema, "", member)
    return ACCEPTED.get(hint.removesuffix(" | None"), hint.removesuffix(" | None"))


def generate(document: dict[str, Any]) -> dict[str, str]:
    """File name to text, not yet formatted."""
    every = operations(document)
    models = Models()
    # Whole things first, so that they give their names to the same things inside others.
    order = sorted(every, key=lambda o: (o[1].method != "get", o[1].is_list, o[1].path))
    for verb, one in order:
        _answer_hint(models, one, verb)
    out = {
        "models.py": HEAD.format(about="What the API answers, typed.")
        + "from dataclasses import dataclass, field\nfrom datetime import date, datetime\nfrom decimal import Decimal\n"
        + "from typing import Any\n\n"
        + "from .wire import Model\n\n\n"
        + "\n".join(line for name in models.source for line in models.source[name])
    }
    for is_async, file_name, prefix in ((False, "resources.py", ""), (True, "aresources.py", "Async")):
        lines: list[str] = []
        resources = sorted({one.resource for _, one in every})
        for resource in resources:
            caller = f"{prefix}Api"
            lines += [
                f"class {prefix}{camel(resource)}Resource:",
                f"    def __init__(self, caller: {caller}) -> None:",
                "        self._caller = caller",
                "",
            ]
            for verb, one in every:
                if one.resource == resource:
                    lines += method_source(models, verb, one, is_async=is_async)
            lines.append("")
        lines += [f"class {prefix}Resources:", '    """One attribute for each resource of the API."""', ""]
        lines += [f"    def __init__(self, caller: {prefix}Api) -> None:"]
        lines += [f"        self.{resource} = {prefix}{camel(resource)}Resource(caller)" for resource in resources]
        text = "\n".join(lines) + "\n"
        walk = "AsyncIterator" if is_async else "Iterator"
        out[file_name] = (
            HEAD.format(about=f"The resources of the API{', for asyncio' if is_async else ''}.")
            + f"from collections.abc import {walk}, Mapping, Sequence\nfrom datetime import date, datetime\n"
            + "from typing import Any, Literal\n\n"
            + f"from . import models as m\nfrom .{'arest' if is_async else 'rest'} import {prefix}Api\n"
            + "from .wire import Number, Page, Rows, made_up, path_part\n\n\n"
            + text
        )
    return {name: tidy(text) for name, text in out.items()}


def tidy(text: str) -> str:
    """Formatted as the project is, without imports that nothing uses."""
    config = ["--line-length", "140", "--target-version", "py311"]
    ruff = [sys.executable, "-m", "ruff"]
    fixed = subprocess.run(
        [*ruff, "check", "--isolated", *config, "--select", "F401,I001", "--fix", "--quiet", "--stdin-filename", "x.py", "-"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    done = subprocess.run([*ruff, "format", "--isolated", *config, "-"], input=fixed.stdout, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    for name, text in generate(yaml.safe_load(source.read_text(encoding="utf-8"))).items():
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
