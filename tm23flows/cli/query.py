"""``tm23 query``: labels by what they are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tm23flows.cli.console import console, print_json
from tm23flows.errors import InputError

COLUMNS = {
    "metal": "metal",
    "regime": "regime",
    "temperature_K": "T (K)",
    "step": "step",
    "engine": "engine",
    "kmesh": "k-mesh",
    "sigma_eV": "sigma (eV)",
    "electron_shift": "NELECT shift",
    "energy_free_eV": "F (eV)",
    "frame_id": "frame",
    "label_id": "label",
}


def query(
    metal: Annotated[str | None, typer.Option(help="Chemical symbol.")] = None,
    regime: Annotated[str | None, typer.Option(help="cold, warm or melt.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Target temperature in K.")] = None,
    sigma: Annotated[float | None, typer.Option(help="Smearing width in eV.")] = None,
    nelect_shift: Annotated[float | None, typer.Option(help="NELECT minus neutral.")] = None,
    kmesh: Annotated[str | None, typer.Option(help="k-mesh, such as 3x3x3.")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine.")] = None,
    first_step: Annotated[int | None, typer.Option(help="First step of the run.")] = None,
    last_step: Annotated[int | None, typer.Option(help="Last step of the run.")] = None,
    trajectory: Annotated[str | None, typer.Option(help="Id of the run.")] = None,
    frame: Annotated[str | None, typer.Option(help="Id of the frame.")] = None,
    count: Annotated[bool, typer.Option("--count", help="Only count.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List or count labels: energies, forces and stress of frames under recipes."""
    words = {
        "metal": metal,
        "regime": regime,
        "temperature_K": temperature,
        "sigma_eV": sigma,
        "electron_shift": nelect_shift,
        "kmesh": kmesh,
        "engine": engine,
        "first_step": first_step,
        "last_step": last_step,
        "trajectory": trajectory,
        "frame": frame,
    }
    _show({word: value for word, value in words.items() if value is not None}, count, as_json)


def _show(words: dict[str, Any], count: bool, as_json: bool) -> None:
    from tm23flows.store.archive import Archive
    from tm23flows.store.query import Query
    from tm23flows.store.rows import label_rows

    wanted = Query.of(**words)
    archive = Archive.open()
    if count:
        number = archive.count_labels(wanted)
        print_json({"count": number}) if as_json else typer.echo(number)
        return
    rows = list(label_rows(archive, wanted))
    if not rows:
        asked = ", ".join(f"{key}={value}" for key, value in words.items()) or "everything"
        raise InputError(f"The query ({asked}) finds no labels; try it with less.")
    if as_json:
        print_json(rows)
    else:
        _print_table(rows)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for title in COLUMNS.values():
        table.add_column(title)
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in COLUMNS))
    out = console()
    out.print(table)
    out.print(f"{len(rows)} labels of {len({row['frame_id'] for row in rows})} frames")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.endswith("_id"):
        return str(value)[:12]
    return f"{value:.6f}" if name == "energy_free_eV" else str(value)
