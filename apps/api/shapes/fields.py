"""One member of a body or a query: how it is read, what is wrong with it, what the OpenAPI document says of it."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import ids, money

REFERENCE = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


class Bad(ValueError):
    """One field's fault: code, what it means, and where inside the field it is."""

    def __init__(self, code: str, detail: str, inside: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.inside = code, detail, inside


class Several(ValueError):
    """Several faults of one field."""

    def __init__(self, faults: list[Bad]) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a body."""

    about: str
    example: Any = None
    required: bool = False

    integer = False

    def read(self, value: Any) -> Any:
        """The value as Python, or :class:`Bad`."""
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "description": self.about} | ({"examples": [self.example]} if self.example is not None else {})


@dataclass(frozen=True, slots=True)
class Text(Field):
    longest: int = 200

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= self.longest:
            raise Bad("invalid", f"a text of 1 to {self.longest} characters")
        return value


@dataclass(frozen=True, slots=True)
class Reference(Field):
    """An id that the client chooses; it goes into paths, so no character needs escaping."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not REFERENCE.fullmatch(value):
            raise Bad("invalid_reference", "1 to 64 of A-Z a-z 0-9 . _ ~ -")
        return value

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"pattern": "^[A-Za-z0-9._~-]{1,64}$"}


@dataclass(frozen=True, slots=True)
class Amount(Field):
    """A positive decimal string."""

    def read(self, value: Any) -> Decimal:
        try:
            amount = money.parse(value)
        except money.NotAnAmount as no:
            raise Bad("invalid_amount", str(no)) from None
        if amount <= 0:
            raise Bad("not_positive", "an amount above zero")
        return amount

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"format": "decimal", "pattern": r"^[0-9]{1,20}(\.[0-9]{1,18})?$"}


@dataclass(frozen=True, slots=True)
class Charge(Field):
    """A decimal string, zero or above."""

    def read(self, value: Any) -> Decimal:
        try:
            return money.parse(value)
        except money.NotAnAmount as no:
            raise Bad("invalid_amount", str(no)) from None

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"format": "decimal", "pattern": r"^[0-9]{1,20}(\.[0-9]{1,18})?$"}


@dataclass(frozen=True, slots=True)
class Day(Field):
    """A date as YYYY-MM-DD."""

    def read(self, value: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            raise Bad("invalid_date", "a date such as 2026-09-15")
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Bad("invalid_date", "no such date") from None

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"format": "date"}


@dataclass(frozen=True, slots=True)
class Choice(Field):
    among: tuple[str, ...] = ()

    def read(self, value: Any) -> str:
        if value not in self.among:
            raise Bad("invalid_choice", f"one of {', '.join(self.among)}")
        return str(value)

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"enum": list(self.among)}


@dataclass(frozen=True, slots=True)
class Choices(Field):
    """Several of a set, in a list."""

    among: tuple[str, ...] = ()

    def read(self, value: Any) -> list[str]:
        if not isinstance(value, list):
            raise Bad("invalid", "a list")
        for place, item in enumerate(value):
            if item not in self.among:
                raise Bad("invalid_choice", f"one of {', '.join(self.among)}", f"/{place}")
        return [str(item) for item in value]

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"type": "array", "items": {"type": "string", "enum": list(self.among)}, "uniqueItems": False}


@dataclass(frozen=True, slots=True)
class Whole(Field):
    least: int = 0
    most: int = 2**31 - 1

    integer = True

    def read(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise Bad("out_of_range", f"a whole number from {self.least} to {self.most}")
        return value

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Flag(Field):
    """true or false."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Bad("invalid_choice", "true or false")
        return value

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class WireId(Field):
    prefix: str = ""

    def read(self, value: Any) -> UUID:
        try:
            return ids.decode(self.prefix, value if isinstance(value, str) else "")
        except ValueError as no:
            raise Bad("invalid_id", str(no)) from None

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"pattern": f"^{self.prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"}


@dataclass(frozen=True, slots=True)
class Listed(Field):
    """A list of plain values, none twice."""

    of: Field = field(default_factory=lambda: Field(""))
    most: int = 50

    def read(self, value: Any) -> list[Any]:
        if not isinstance(value, list) or not 1 <= len(value) <= self.most:
            raise Bad("invalid", f"a list of 1 to {self.most}")
        out, faults = [], []
        for place, one in enumerate(value):
            try:
                out.append(self.of.read(one))
            except Bad as no:
                faults.append(Bad(no.code, no.detail, f"/{place}"))
        if faults:
            raise Several(faults)
        if len(set(out)) != len(out):
            raise Bad("invalid", "one of them is there twice")
        return out

    def schema(self) -> dict[str, Any]:
        items = {name: said for name, said in self.of.schema().items() if name != "description"}
        return Field.schema(self) | {"type": "array", "minItems": 1, "maxItems": self.most, "uniqueItems": True, "items": items}


@dataclass(frozen=True, slots=True)
class Instant(Field):
    """RFC 3339 with a zone; read as UTC, and far enough from the ends of the calendar for a year to be added or taken."""

    def read(self, value: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise Bad("invalid_time", "an RFC 3339 time such as 2026-09-15T12:00:00Z") from None
        if moment.tzinfo is None:
            raise Bad("invalid_time", "a time with its zone")
        if not 1900 <= moment.year < 9000:
            raise Bad("invalid_time", "between the years 1900 and 9000")
        return moment.astimezone(UTC)

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"format": "date-time"}
