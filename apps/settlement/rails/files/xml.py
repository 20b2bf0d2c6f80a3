"""Messages of ISO 20022 as plain nodes, each with its line. No declared entities, no look outside."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from apps.settlement.rules.statement_file import BadFile

_DEEPEST = 40
_MOST_ELEMENTS, _LONGEST_TEXT = 600_000, 4_000  # of a file; of one element (ISO 20022 has no text longer than 2,000)


@dataclass(slots=True)
class Node:
    name: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    parts: list["Node"] = field(default_factory=list)

    def all(self, path: str) -> Iterator["Node"]:
        """What lies at `A/B/C` below."""
        head, _, rest = path.partition("/")
        for one in self.parts:
            if one.name == head:
                yield from one.all(rest) if rest else [one]

    def first(self, *paths: str) -> "Node | None":
        return next((one for path in paths for one in self.all(path)), None)

    def say(self, *paths: str) -> str:
        found = self.first(*paths)
        return found.text.strip() if found is not None else ""

    def need(self, path: str) -> "Node":
        found = self.first(path)
        if found is None:
            raise BadFile(f"line {self.line}", f"{self.name} has no {path}")
        return found


def parse(content: bytes, space: re.Pattern[str], what: str) -> Node:
    """The outermost element.

    :param space: the namespaces that are read, which are of `what`
    :raises BadFile: it is not XML, of another namespace, nested too deep, too large, or declares a document type
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    top = Node("", 1, {})
    open_: list[Node] = [top]
    parser.buffer_text = True  # a text comes whole and not a line at a time
    seen = 0

    def refuse(*_: object) -> None:
        raise BadFile(f"line {parser.CurrentLineNumber}", "a document type or entity is declared: refused")

    def start(name: str, attributes: dict[str, str]) -> None:
        found, _, local = name.rpartition(" ")
        if not space.fullmatch(found):
            raise BadFile(f"line {parser.CurrentLineNumber}", f"{local} is of {found or 'no namespace'}, not of {what}")
        nonlocal seen
        seen += 1
        if len(open_) > _DEEPEST or seen > _MOST_ELEMENTS:
            raise BadFile(f"line {parser.CurrentLineNumber}", "nested too deep" if len(open_) > _DEEPEST else "too many elements")
        node = Node(local, parser.CurrentLineNumber, attributes)
        open_[-1].parts.append(node)
        open_.append(node)

    def end(_: str) -> None:
        open_.pop()

    def words(text: str) -> None:
        node = open_[-1]
        if text.isspace() and (node.parts or len(text) > _LONGEST_TEXT):
            return  # between elements
        if len(node.text) + len(text) > _LONGEST_TEXT:
            raise BadFile(f"line {parser.CurrentLineNumber}", f"{node.name}: a text of more than {_LONGEST_TEXT} characters")
        node.text += text

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, words
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except BadFile:
        raise
    except expat.ExpatError as no:
        raise BadFile(f"line {no.lineno}", expat.errors.messages[no.code]) from None
    except (LookupError, ValueError) as no:  # an encoding that nobody knows, or that it is not written in
        raise BadFile(f"line {parser.CurrentLineNumber}", str(no)) from None
    return top.parts[0]
