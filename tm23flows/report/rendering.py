"""From a template to a page, and from a page to a file.

Owns what all pages share: figures are embedded, nothing is loaded from anywhere, and all text is
escaped by the template.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tm23flows._version import __version__
from tm23flows.errors import InputError
from tm23flows.report.studies.section import StudyTable

LONG_TABLE = 24
"""Tables of more rows are folded up on the page."""

WIDE_CELL = 20
"""Texts of more letters get room, so that a table scrolls rather than breaks every word."""

NUMBER = re.compile(r"[-+<]? ?\d[\d.,]*( ?%)?( \(.*\))?|-|undefined")


def render(template: str, **values: Any) -> str:
    """Fill a template in.

    Parameters
    ----------
    template
        Name of its file.
    **values
        What it shows, besides the time and our version.

    Returns
    -------
    HTML.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tm23flows.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        data_uri=_data_uri, csv_uri=_csv_uri, file_name=file_name, cell_class=_cell_class
    )
    environment.globals["LONG_TABLE"] = LONG_TABLE
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template(template).render(when=when, version=__version__, **values)


def write_pages(pages: dict[Path, str]) -> None:
    """Write pages; each replaces an older one at once when it is complete.

    Parameters
    ----------
    pages
        HTML by file; their folder is made.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    for path, page in pages.items():
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(page, encoding="utf-8")
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise InputError(
                f"The report cannot be written to {path} ({error.strerror}); choose another file."
            ) from error


def csv_text(table: StudyTable) -> str:
    """Write a table as CSV.

    Parameters
    ----------
    table
        The table.

    Returns
    -------
    Heads and rows, and the id of the document that each row comes from where it has one.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    extra = ("document",) if table.documents else ()
    writer.writerow((*table.columns, *extra))
    for place, row in enumerate(table.rows):
        writer.writerow((*row, table.documents[place]) if table.documents else row)
    return text.getvalue()


def file_name(title: str) -> str:
    """Make a name for a file out of a title.

    Parameters
    ----------
    title
        Any text.

    Returns
    -------
    Letters and digits joined by ``-``, at most 80 of them.
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80].rstrip("-") or "table"


def _csv_uri(table: StudyTable) -> str:
    return "data:text/csv;base64," + base64.b64encode(csv_text(table).encode()).decode("ascii")


def _cell_class(cell: str) -> str:
    if NUMBER.fullmatch(cell):
        return "n"
    return "wide" if len(cell) > WIDE_CELL else ""


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
