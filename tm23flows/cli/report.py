"""``tm23 report``: tables and figures of what is in the archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm23flows.cli.console import console, print_json


def report(
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")] = Path(
        "report/index.html"
    ),
    files: Annotated[
        Path | None,
        typer.Option(help="Folder for every figure as SVG and PNG and every table as CSV."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the tables as JSON, write no file.")
    ] = False,
) -> None:
    """Write one HTML file with all tables and figures, and print the error table."""
    from tm23flows.report.label_noise import noise_rows
    from tm23flows.report.page import write_report
    from tm23flows.report.tables import as_dict, error_rows, format_error_table
    from tm23flows.store.archive import Archive

    archive = Archive.open()
    rows, noise = error_rows(archive, dataset), noise_rows(archive, dataset)
    if as_json:
        print_json({"errors": [as_dict(one) for one in rows], "noise": [as_dict(n) for n in noise]})
        return
    path = write_report(archive, output, dataset, files)
    out = console()
    out.print(format_error_table(rows, noise))
    out.print(f"report: {path}")
    if files is not None:
        out.print(f"figures and tables: {files}")
