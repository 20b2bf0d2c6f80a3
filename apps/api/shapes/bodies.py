"""Bodies, lists of objects in them, and query parameters: every fault is found and named by its pointer."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.datastructures import MultiValueDict

from apps.api.jsonbody import FieldError, InvalidBody, examine, unknown

from .fields import Bad, Field, Several


@dataclass(frozen=True, slots=True)
class Items(Field):
    """A list of objects with members of their own."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()  # exactly one of these is given, in each
    most: int = 50

    def read(self, value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not 1 <= len(value) <= self.most:
            raise Bad("invalid", f"a list of 1 to {self.most} objects")
        faults: list[Bad] = []
        out = [self._item(one, f"/{number}", faults) for number, one in enumerate(value)]
        if faults:
            raise Several(faults)
        return out

    def _item(self, one: Any, where: str, faults: list[Bad]) -> dict[str, Any]:
        if not isinstance(one, dict):
            faults.append(Bad("invalid", "an object", where))
            return {}
        faults += [Bad(no.code, no.detail, where + no.pointer) for no in unknown(one, self.fields)]
        out: dict[str, Any] = {}
        for name, member in self.fields.items():
            given = out[name] = one.get(name)
            if given is None:
                if member.required or name in one:
                    faults.append(Bad("required", "must be given, and not null", f"{where}/{name}"))
                continue
            try:
                out[name] = member.read(given)
            except Bad as no:
                faults.append(Bad(no.code, no.detail, f"{where}/{name}{no.inside}"))
        given_of = [name for name in self.one_of if one.get(name) is not None]
        if self.one_of and len(given_of) != 1:
            detail = f"exactly one of {', '.join(self.one_of)}"
            faults += [Bad("exactly_one", detail, f"{where}/{name}") for name in (given_of or self.one_of)]
        return out

    def schema(self) -> dict[str, Any]:
        item = {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: member.schema() for name, member in self.fields.items()},
            "required": [name for name, member in self.fields.items() if member.required],
        }
        if self.one_of:
            item["oneOf"] = [{"required": [name]} for name in self.one_of]
        return {"type": "array", "minItems": 1, "maxItems": self.most, "items": item, "description": self.about}


@dataclass(frozen=True, slots=True)
class Body:
    """The members of one request body."""

    name: str
    fields: Mapping[str, Field]
    one_of: tuple[str, ...] = ()  # exactly one of these is given
    integers: Collection[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "integers", frozenset(f"/{name}" for name, f in self.fields.items() if f.integer))

    def read(self, raw: bytes) -> dict[str, Any]:
        """The members by name, None where they were not given.

        :raises InvalidBody: every fault with its pointer
        """
        out, errors = self.examine(raw)
        if errors:
            raise InvalidBody(errors)
        return out

    def examine(self, raw: bytes) -> tuple[dict[str, Any], list[FieldError]]:
        """The members that can be read, None where they were not given or are wrong, and every fault.

        :raises InvalidBody: there is no object to speak of
        """
        body, errors = examine(raw, integers=self.integers)
        faulty = {error.pointer.split("/")[1] for error in errors if error.pointer}
        errors += unknown(body, self.fields)
        out: dict[str, Any] = {}
        for name, member in self.fields.items():
            value = out[name] = None if name in faulty else body.get(name)
            if value is None:
                if name not in faulty and (member.required or name in body):
                    errors.append(FieldError(f"/{name}", "required", "must be given, and not null"))
                continue
            try:
                out[name] = member.read(value)
            except (Bad, Several) as no:
                out[name] = None
                faults = no.faults if isinstance(no, Several) else [no]
                errors += [FieldError(f"/{name}{fault.inside}", fault.code, fault.detail) for fault in faults]
        given = [name for name in self.one_of if body.get(name) is not None]
        if self.one_of and len(given) != 1:
            detail = f"exactly one of {', '.join(self.one_of)}"
            errors += [FieldError(f"/{name}", "exactly_one", detail) for name in (given or self.one_of)]
        return out, errors

    def schema(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "type": "object",
            "title": self.name,
            "additionalProperties": False,
            "properties": {name: member.schema() for name, member in self.fields.items()},
            "required": [name for name, member in self.fields.items() if member.required],
        }
        if self.one_of:
            out["oneOf"] = [{"required": [name]} for name in self.one_of]
        return out


EMPTY = Body("Nothing", {})


def read_query(given: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Query parameters by name, None where not given; integers come as digits.

    :raises InvalidBody: an unknown or bad parameter, pointed at as `?name`
    """
    errors = [FieldError(f"?{name}", "unknown_parameter", "no such parameter") for name in given if name not in fields]
    if isinstance(given, MultiValueDict):
        errors += [FieldError(f"?{name}", "duplicate_parameter", "given more than once") for name, all_ in given.lists() if len(all_) > 1]
    out: dict[str, Any] = {}
    for name, member in fields.items():
        raw = given.get(name)
        if raw is None:
            out[name] = None
            continue
        value: Any = int(raw) if member.integer and re.fullmatch(r"[0-9]{1,18}", raw, re.ASCII) else raw
        try:
            out[name] = member.read(value)
        except Bad as no:
            errors.append(FieldError(f"?{name}", no.code, no.detail))
    if errors:
        raise InvalidBody(errors)
    return out
