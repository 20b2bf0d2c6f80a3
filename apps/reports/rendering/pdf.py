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
        self._style(10.5 if first else 8.5, ACCENT, strong=True)
        self.cell(self.epw / 2, 5, self.spell(issuer.name))
        self._style(SMALL, SOFT)
        self.cell(self.epw / 2, 5, self.spell(f"LEI {issuer.lei}"), align="R", new_x="LMARGIN", new_y="NEXT")
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
        third = self.epw / 3
        self.cell(third, 4, self.spell(self.document.reference))
        self.cell(third, 4, self.spell(f"Generated {moment_text(self.document.generated)}"), align="C")
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
            top = self.get_y()
            for place, (label, value) in enumerate(facts[start : start + across]):
                self.set_xy(self.l_margin + place * width, top)
                self._style(SMALL, SOFT)
                self.cell(width, 3.6, self.spell(label))
                self.set_xy(self.l_margin + place * width, top + 3.6)
                self._style(BODY + 0.8, INK)
                self.cell(width, 4.6, self._fit(value, width - 4))
            self.set_xy(self.l_margin, top + 10)
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
            if self.will_page_break(LINE + 1):
                self.add_page()
                self._head(table.columns, widths)
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
        for column, width in zip(columns, widths, strict=True):
            self._cell(column.title, column, width)
        self.ln(LINE)
        self._rule(INK, 0.3)

    def _row(self, row: Row, columns: Sequence[Column], widths: Sequence[float]) -> None:
        if row.strong:
            self._rule(SOFT, 0.2)
        self._style(BODY, INK, strong=row.strong)
        for text, column, width in zip(row.cells, columns, widths, strict=True):
            self._cell(text, column, width)
        self.ln(LINE)
        self._rule(RULE, 0.1)

    def _cell(self, text: str, column: Column, width: float) -> None:
        self.cell(width, LINE, self._fit(text, width), align="R" if column.right else "L")
        self.set_x(self.get_x() + GAP)

    # --- small --------------------------------------------------------------------------------------------------------
    def _style(self, size: float, colour: tuple[int, int, int], *, strong: bool = False) -> None:
        self.set_font(self.family, style="B" if strong else "", size=size)
        self.set_text_color(*colour)

    def _rule(self, colour: tuple[int, int, int], width: float) -> None:
        self.set_draw_color(*colour)
        self.set_line_width(width)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())

    def _fit(self, text: str, width: float) -> str:
        """`text`, shortened with an ellipsis where the column is too narrow. Amounts are given room enough not to be."""
        text = self.spell(text)
        if self.get_string_width(text) <= width:
            return text
        dots = self.spell("…")
        while text and self.get_string_width(text + dots) > width:
            text = text[:-1]
        return text + dots
