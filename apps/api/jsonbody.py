"""Request bodies: JSON read so strictly that no two readers can disagree about what was asked.

Python's own reader takes the last of two equal members, makes floats of amounts and lets NaN, NUL and half characters
through; here each of these is a named fault. Pointers are RFC 6901.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
_INTEGER_DIGITS = 18  # fits 64 bits, and Python's int() is never handed thousands of digits


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault: where (an RFC 6901 pointer, empty for the whole body), its stable code, and what it means."""

    pointer: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        """The shape of an entry in a problem's ``errors``."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class InvalidBody(ValueError):
    """A body that is not what the API reads (400 ``invalid_request``); ``errors`` names every fault."""

    code = "invalid_request"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.pointer or 'body'}: {e.detail}" for e in errors))
        self.errors = errors


class _Refused:
    """Stands where a number stood that no field takes; the walk finds its pointer."""

    __slots__ = ("code", "detail")

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail


class _Object(dict[str, Any]):
    """An object that named a member twice."""

    twice: list[str]


def _fraction(_text: str) -> _Refused:
    return _Refused("number_not_allowed", "a number with a fraction or an exponent: write amounts as decimal strings")


def _constant(text: str) -> _Refused:
    return _Refused("not_json", f"{text} is not JSON")


def _integer(text: str) -> int | _Refused:
    if len(text.lstrip("-")) > _INTEGER_DIGITS:
        return _Refused("number_too_large", f"an integer of more than {_INTEGER_DIGITS} digits")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    marked = _Object(plain)
    marked.twice = sorted(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return marked


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_fraction, parse_int=_integer, parse_constant=_constant)


def load(raw: bytes, *, integers: Collection[str] = ()) -> dict[str, Any]:
    """Read a request body: a JSON object of at most 64 KiB.

    :param integers: pointers of the fields that are declared as integers, ``*`` standing for any array index; a number
        anywhere else is refused, so that an amount can only arrive as a decimal string
    :raises InvalidBody: with every fault found, each with its pointer
    """
    value, faults = examine(raw, integers=integers)
    if faults:
        raise InvalidBody(faults)
    return value


def examine(raw: bytes, *, integers: Collection[str] = ()) -> tuple[dict[str, Any], list[FieldError]]:
    """A request body with the faults that were found in it, each with its pointer.

    :raises InvalidBody: there is no object to speak of
    """
    if len(raw) > MAX_BYTES:
        raise InvalidBody([FieldError("", "body_too_large", f"{len(raw)} bytes, at most {MAX_BYTES}")])
    try:
        value = decode(raw.decode("utf-8"))
    except UnicodeDecodeError as wrong:
        raise InvalidBody([FieldError("", "not_utf8", f"byte {wrong.start} is not UTF-8")]) from None
    if not isinstance(value, dict):
        raise InvalidBody([FieldError("", "not_an_object", "the body must be a JSON object")])
    return value, list(_faults(value, "", "", 1, frozenset(integers)))


def decode(text: str) -> Any:
    """Any JSON value, with what :func:`load` refuses still marked in it.

    :raises InvalidBody: it is no JSON, or nested too deep to be read
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as wrong:
        raise InvalidBody([FieldError("", "not_json", f"{wrong.msg} at line {wrong.lineno} column {wrong.colno}")]) from None
    except RecursionError:
        raise InvalidBody([FieldError("", "too_deep", f"nested deeper than {MAX_DEPTH}")]) from None


def value_end(text: str, at: int) -> int:
    """Where the value that begins at `at` ends, in text that :func:`decode` has read."""
    return _DECODER.raw_decode(text, at)[1]


def peek(raw: bytes, member: str) -> str:
    """A member of a body that is yet to be read, as a hint of what it will ask for; empty where there is none."""
    try:
        found = orjson.loads(raw).get(member)
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return found if isinstance(found, str) and len(found) <= 64 else ""


def unknown(body: dict[str, Any], known: Collection[str]) -> list[FieldError]:
    """Members that the resource does not have."""
    return [FieldError(f"/{_escape(name)}", "unknown_field", "no such field") for name in body if name not in known]


def _escape(name: str) -> str:
    """A name as it is shown in a pointer; what no UTF-8 text can hold is shown as an escape."""
    return name.encode("utf-8", "backslashreplace").decode().replace("~", "~0").replace("/", "~1")


def _faults(value: Any, pointer: str, shape: str, depth: int, integers: frozenset[str]) -> Iterator[FieldError]:
    """Walk a value. ``shape`` is the pointer with array indices as ``*``, as fields are declared."""
    if isinstance(value, str):
        yield from _text_faults(value, pointer)
    elif isinstance(value, _Refused):
        yield FieldError(pointer, value.code, value.detail)
    elif isinstance(value, int) and not isinstance(value, bool):
        if shape not in integers:
            yield FieldError(pointer, "number_not_allowed", "a number: write amounts as decimal strings")
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            yield FieldError(pointer, "too_deep", f"nested deeper than {MAX_DEPTH}")
            return
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _faults(item, f"{pointer}/{index}", f"{shape}/*", depth + 1, integers)
            return
        for name in value.twice if isinstance(value, _Object) else ():
            yield FieldError(f"{pointer}/{_escape(name)}", "duplicate_member", "named more than once")
        for name, member in value.items():
            below = f"{pointer}/{_escape(name)}"
            yield from _text_faults(name, below)
            yield from _faults(member, below, f"{shape}/{_escape(name)}", depth + 1, integers)


def _text_faults(text: str, pointer: str) -> Iterator[FieldError]:
    try:
        text.encode("utf-8")
        whole = "\0" not in text
    except UnicodeEncodeError:
        whole = False
    if not whole:
        yield FieldError(pointer, "invalid_character", "holds NUL or half of a character (a lone surrogate)")
