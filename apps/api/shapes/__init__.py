"""What bodies and answers look like, said once: read by the views, shown by the OpenAPI document.

DRF's serializers copy every field for each request; these are built once, name every fault with its pointer, and give
their own JSON schema.
"""

from .answers import array, decimal, moment, obj, page, text
from .bodies import EMPTY, Body, Items, read_query
from .fields import (
    REFERENCE,
    Amount,
    Bad,
    Charge,
    Choice,
    Choices,
    Day,
    Field,
    Flag,
    Instant,
    Listed,
    Reference,
    Several,
    Text,
    Whole,
    WireId,
)

__all__ = [
    "EMPTY",
    "REFERENCE",
    "Amount",
    "Bad",
    "Body",
    "Charge",
    "Choice",
    "Choices",
    "Day",
    "Field",
    "Flag",
    "Instant",
    "Items",
    "Listed",
    "Reference",
    "Several",
    "Text",
    "Whole",
    "WireId",
    "array",
    "decimal",
    "moment",
    "obj",
    "page",
    "read_query",
    "text",
]
