"""Figures and tables of the report as files for papers and spreadsheets.

Owns their names and formats: every figure as SVG and PNG, every table of a chapter as CSV with the
id of the document that each row comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tm23flows.errors import InputError
from tm23flows.report.plotting import Drawing, png_of
from tm23flows.report.rendering import csv_text, file_name
from tm23flows.report.studies.section import Chapter

FIGURES, TABLES = "figures", "tables"


def write_files(
    folder: Path, drawings: Iterable[Drawing], chapters: Sequence[Chapter]
) -> list[Path]:
    """Write all figures and tables.

    Parameters
    ----------
    folder
        Folder for the folders ``figures`` and ``tables``; files of an older report are replaced.
    drawings
        Figures that are in no chapter.
    chapters
        The chapters.

    Returns
    -------
    The files.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    everything = [*drawings, *_drawings(chapters)]
    written = []
    try:
        for name, content in [*_figures(everything), *_tables(chapters)]:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(path)
    except OSError as error:
        raise InputError(
            f"The files of the report cannot be written to {folder} ({error.strerror}); choose "
            "another folder."
        ) from error
    return written


def _drawings(chapters: Sequence[Chapter]) -> Iterator[Drawing]:
    for chapter in chapters:
        for section in chapter.sections:
            yield from section.drawings


def _figures(drawings: Iterable[Drawing]) -> Iterator[tuple[str, bytes]]:
    names = _Names()
    for drawing in drawings:
        name = names.new(drawing.title)
        yield f"{FIGURES}/{name}.svg", drawing.svg
        if (png := png_of(drawing)) is not None:
            yield f"{FIGURES}/{name}.png", png


def _tables(chapters: Sequence[Chapter]) -> Iterator[tuple[str, bytes]]:
    names = _Names()
    for chapter in chapters:
        for section in chapter.sections:
            for table in section.tables:
                name = names.new(f"{chapter.anchor} {section.title} {table.title}")
                yield f"{TABLES}/{name}.csv", csv_text(table).encode()


class _Names:
    """Names of files, each once."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def new(self, title: str) -> str:
        name = file_name(title)
        self._used[name] = number = self._used.get(name, 0) + 1
        return name if number == 1 else f"{name}-{number}"
