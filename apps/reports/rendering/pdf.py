"""Documents as PDF, A4: a head with who issues it, tables with hairlines, a foot with number, time and page.

The same document makes the same bytes: nothing in it comes from a clock or a random source.
"""

from collections.abc import Sequence

from fpdf import FPDF

from . import fonts
from .table import Column, Document, Row, Table, moment_text

INK, SOFT, RULE, ACCENT = (28, 32, 40), (108, 116, 128), (214, 218, 224), (18, 52, 96)
MARGIN, LINE, GAP = 14.0, 5.0, 2.6  # millimetres; GAP between two columns
BODY, SMALL, TITLE = 7.6, 6.8, 17
LEAST, NEXT = 5.6, 3.4  # the size down to which a figure shrinks to stay on one line; millimetres from one line of a cell to the next


def render(document: Document) -> bytes:
    """The PDF of a document."""
    page = _Page(document)
    page.add_page()
    page.facts(document.facts)
    for table in document.tables:
        page.table(table)
    page.notes(document.notes)
    return bytes(page.output())


class _Page(FPDF):  # type: ignore[misc]
    def __init__(self, document: Document) -> None:
        super().__init__(orientation="landscape" if document.landscape else "portrait", format="A4")
        self.document = document
        self.family, self.spell = fonts.use(self)
        self.set_margins(MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, margin=18)
        self.set_creation_date(document.generated)
        self.set_title(self.spell(f"{document.title} {document.reference}"))
        self.set_author(self.spell(document.issuer.name))
        self.set_creator("Flowdesk")
        self.set_producer("Flowdesk")
        self.set_lang("en-GB")

    # --- every page ---------------------------------------------------------------------------------------------------
    def header(self) -> None:
        issuer, first = self.document.issuer, self.page_no() == 1
        self.set_y(11)
        self._style(SMALL, SOFT)
        lei = self.spell(f"LEI {issuer.lei}")
        room = self.epw - self.get_string_width(lei) - 2 * GAP
        self.cell(self.epw, 5, lei, align="R", new_x="LMARGIN", new_y="LAST")
        self._style(10.5 if first else 8.5, ACCENT, strong=True)
        for line in self._wrap(issuer.name, room):
            self.cell(room, 5, line, new_x="LMARGIN", new_y="NEXT")
        self.set_draw_color(*ACCENT)
        self.set_line_width(0.5)
        self.line(self.l_margin, self.get_y() + 1, self.w - self.r_margin, self.get_y() + 1)
        self.ln(4)
        if first:
            self._style(TITLE, INK, strong=True)
            self.cell(self.epw, 9, self.spell(self.document.title), new_x="LMARGIN", new_y="NEXT")
            self.ln(1.5)
        else:
            self._style(SMALL, SOFT)
            self.cell(self.epw, 4, self.spell(f"{self.document.title}, continued"), new_x="LMARGIN", new_y="NEXT")
            self.ln(1.5)

    def footer(self) -> None:
        self.set_y(-13)
        self.set_draw_color(*RULE)
        self.set_line_width(0.2)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(1.5)
        self._style(SMALL, SOFT)
        reference, made = self.spell(self.document.reference), self.spell(f"Generated {moment_text(self.document.generated)}")
        self.cell(self.get_string_width(reference), 4, reference)
        self.set_x(max((self.w - self.get_string_width(made)) / 2, self.get_x() + GAP))  # in the middle, where there is room
        self.cell(self.get_string_width(made), 4, made)
        # Right-aligned by the width it will have: {nb} is put in when the last page is known.
        self.set_x(self.w - self.r_margin - self.get_string_width(f"Page {self.page_no()} of {'9' * len(str(self.page_no()))}"))
        self.cell(0, 4, f"Page {self.page_no()} of {{nb}}")
        if self.document.sealed:
            self.ln(4)
            self.cell(self.epw, 3, self.spell(self.document.sealed))

    # --- blocks -------------------------------------------------------------------------------------------------------
    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Label over value, in a grid of four."""
        across = 4
        width = self.epw / across
        for start in range(0, len(facts), across):
            if self.will_page_break(10):
                self.add_page()
            top, most = self.get_y(), 1
            for place, (label, value) in enumerate(facts[start : start + across]):
                self.set_xy(self.l_margin + place * width, top)
                self._style(SMALL, SOFT)
                self.cell(width, 3.6, self.spell(label))
                self._style(BODY + 0.8, INK)
                lines = self._wrap(value, width - 4)
                for nth, line in enumerate(lines):
                    self.set_xy(self.l_margin + place * width, top + 3.6 + nth * NEXT)
                    self.cell(width, 4.6, line)
                most = max(most, len(lines))
            self.set_xy(self.l_margin, top + 10 + (most - 1) * NEXT)
        self.ln(1)

    def table(self, table: Table) -> None:
        """A title, a head that every page repeats, rows."""
        if self.will_page_break(22):
            self.add_page()
        self.ln(2.5)
        self._style(10, ACCENT, strong=True)
        self.cell(self.epw, 6, self.spell(table.title), new_x="LMARGIN", new_y="NEXT")
        total = sum(column.width for column in table.columns)
        room = self.epw - GAP * (len(table.columns) - 1)
        widths = [room * column.width / total for column in table.columns]
        if not table.rows:
            self._style(BODY, SOFT)
            self.cell(self.epw, LINE + 1, self.spell(table.empty), new_x="LMARGIN", new_y="NEXT")
            return
        self._head(table.columns, widths)
        for row in table.rows:
            self._row(row, table.columns, widths)

    def notes(self, notes: Sequence[str]) -> None:
        if not notes:
            return
        self.ln(5)
        self._style(SMALL, SOFT)
        for note in notes:
            self.multi_cell(self.epw, 3.4, self.spell(note), new_x="LMARGIN", new_y="NEXT")
            self.ln(0.8)

    def _head(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        self._style(SMALL, SOFT, strong=True)
        self._cells([self._lines(one.title, one, width) for one, width in zip(columns, widths, strict=True)], columns, widths)
        self._rule(INK, 0.3)

    def _row(self, row: Row, columns: Sequence[Column], widths: Sequence[float]) -> None:
        self._style(BODY, INK, strong=row.strong)
        cells = [self._lines(text, one, width) for text, one, width in zip(row.cells, columns, widths, strict=True)]
        if self.will_page_break(_height(cells) + 1):
            self.add_page()
            self._head(columns, widths)
            self._style(BODY, INK, strong=row.strong)
        if row.strong:
            self._rule(SOFT, 0.2)
        self._cells(cells, columns, widths)
        self._rule(RULE, 0.1)

    def _lines(self, text: str, column: Column, width: float) -> tuple[float, list[str]]:
        """A cell's size and lines: a figure shrinks before it goes over a line, words go on below. Nothing is left out."""
        size, text = self.font_size_pt, self.spell(text)
        long = self.get_string_width(text)
        if column.right and width < long <= width * size / LEAST:
            return size * width / long * 0.999, [text]
        return size, self._wrap(text, width)

    def _cells(self, cells: Sequence[tuple[float, list[str]]], columns: Sequence[Column], widths: Sequence[float]) -> None:
        top, left, size = self.get_y(), self.l_margin, self.font_size_pt
        for (own, lines), column, width in zip(cells, columns, widths, strict=True):
            self.set_font_size(own)
            for nth, line in enumerate(lines):
                self.set_xy(left, top + nth * NEXT)
                self.cell(width, LINE, line, align="R" if column.right else "L")
            left += width + GAP
        self.set_font_size(size)
        self.set_xy(self.l_margin, top + _height(cells))

    # --- small --------------------------------------------------------------------------------------------------------
    def _style(self, size: float, colour: tuple[int, int, int], *, strong: bool = False) -> None:
        self.set_font(self.family, style="B" if strong else "", size=size)
        self.set_text_color(*colour)

    def _rule(self, colour: tuple[int, int, int], width: float) -> None:
        self.set_draw_color(*colour)
        self.set_line_width(width)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())

    def _wrap(self, text: str, width: float) -> list[str]:
        """`text` in lines no wider than `width`, broken at blanks, and within a word only where it is wider than a line."""
        lines, line = [], ""
        for word in self.spell(text).split():
            longer = f"{line} {word}" if line else word
            if self.get_string_width(longer) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while (fits := self._fitting(line, width)) < len(line):
                lines.append(line[:fits])
                line = line[fits:]
        return [*lines, line]

    def _fitting(self, word: str, width: float) -> int:
        """How many characters of it go on a line, one at least."""
        many = 1
        while many < len(word) and self.get_string_width(word[: many + 1]) <= width:  # from the front: a line is short, a word may be long
            many += 1
        return many


def _height(cells: Sequence[tuple[float, list[str]]]) -> float:
    return LINE + (max(len(lines) for _, lines in cells) - 1) * NEXT
