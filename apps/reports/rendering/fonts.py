"""The typeface of documents: Source Sans Pro (Latin, Greek, Cyrillic) where its wheel is installed, else PDF's own Helvetica.

What a typeface has no glyph for is told in letters that it has, never as an empty box.
"""

import functools
import importlib.util
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

FAMILY = "document"
_PACKAGE = "font_source_sans_pro"
_FILES = {"": "SourceSansPro-Regular.ttf", "B": "SourceSansPro-Semibold.ttf"}
_SPELLED = str.maketrans({
    "€": "EUR", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "•": "-", "Ł": "L", "ł": "l", "Đ": "D",
    "đ": "d", "Ħ": "H", "ħ": "h", "ı": "i", "Œ": "OE", "œ": "oe", "Š": "S", "š": "s", "Ž": "Z", "ž": "z", "Σ": "Sum", "→": "->",
})  # fmt: skip


@functools.cache
def files() -> dict[str, Path] | None:
    """The typeface's files by style; None when the wheel is not there."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    found = {style: Path(spec.origin).parent / "files" / name for style, name in _FILES.items()}
    return found if all(path.is_file() for path in found.values()) else None


def use(pdf: Any) -> tuple[str, Callable[[str], str]]:
    """Make the typeface known to `pdf`: its family's name, and what turns any text into one that it can draw."""
    there = files()
    if there is None:
        return "helvetica", functools.partial(spell, lambda char: ord(char) < 256 and not 0x7F <= ord(char) < 0xA0)
    for style, path in there.items():
        pdf.add_font(FAMILY, style=style, fname=str(path))
    known = pdf.fonts[FAMILY].cmap
    return FAMILY, functools.partial(spell, lambda char: ord(char) in known)


def spell(has: Callable[[str], bool], text: str) -> str:
    """`text` with what cannot be drawn told in plain letters, at worst as a question mark."""
    if all(has(char) for char in text):
        return text
    out = []
    for char in text:
        if has(char):
            out.append(char)
            continue
        plain = char.translate(_SPELLED)
        if plain == char:
            plain = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
        out.append(plain if plain and all(has(c) for c in plain) else "?")
    return "".join(out)
