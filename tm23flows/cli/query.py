"""``tm23 query``: labels and frames by what they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm23flows.cli.console import console, print_json, print_json_list, with_progress
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive
    from tm23flows.store.query.selection import Selection

LABEL_COLUMNS = {
    "metal": "metal",
    "regime": "regime",
    "temperature_K": "T (K)",
    "step": "step",
    "engine": "engine",
    "kmesh": "k-mesh",
    "sigma_eV": "sigma (eV)",
    "electron_shift": "NELECT shift",
    "energy_free_eV": "F (eV)",
    "max_force_eV_per_A": "max force (eV/A)",
    "frame_id": "frame",
    "label_id": "label",
}
FRAME_COLUMNS = {
    "metal": "metal",
    "regime": "regime",
    "temperature_K": "T (K)",
    "trajectory_id": "trajectory",
    "step": "step",
    "time_fs": "time (fs)",
    "n_atoms": "atoms",
    "tags": "tags",
    "frame_id": "frame",
}
DIGITS = {"energy_free_eV": 6, "max_force_eV_per_A": 4}

WORD_OF = {
    "temperature": "temperature_K",
    "sigma": "sigma_eV",
    "min_energy": "min_energy_eV",
    "max_energy": "max_energy_eV",
    "min_force": "min_force_eV_per_A",
    "max_force": "max_force_eV_per_A",
    "min_stress": "min_stress_eV_per_A3",
    "max_stress": "max_stress_eV_per_A3",
}
"""Words of a query whose option leaves out the unit."""

DEFAULT_LIMIT = 100
PAGE = 1000
"""Rows of one table; a longer listing is several."""

Text = str | None
Real = float | None
Whole = int | None
Texts = list[str] | None


def query(
    metal: Annotated[Text, typer.Option(help="Chemical symbol.")] = None,
    regime: Annotated[Text, typer.Option(help="cold, warm or melt.")] = None,
    temperature: Annotated[Real, typer.Option(help="Target temperature in K.")] = None,
    engine: Annotated[Text, typer.Option(help="Engine of the label.")] = None,
    sigma: Annotated[Real, typer.Option(help="Smearing width in eV.")] = None,
    electron_shift: Annotated[
        Real, typer.Option("--electron-shift", "--nelect-shift", help="NELECT minus neutral.")
    ] = None,
    kmesh: Annotated[Text, typer.Option(help="k-mesh, such as 3x3x3.")] = None,
    recipe: Annotated[Text, typer.Option(help="Id of the recipe.")] = None,
    kmesh_converged: Annotated[bool | None, typer.Option(help="Mesh chosen by a test.")] = None,
    min_energy: Annotated[Real, typer.Option(help="Lowest energy, eV per atom.")] = None,
    max_energy: Annotated[Real, typer.Option(help="Highest energy, eV per atom.")] = None,
    min_force: Annotated[Real, typer.Option(help="Largest force at least, eV/A.")] = None,
    max_force: Annotated[Real, typer.Option(help="Largest force at most, eV/A.")] = None,
    min_stress: Annotated[Real, typer.Option(help="Largest stress at least, eV/A^3.")] = None,
    max_stress: Annotated[Real, typer.Option(help="Largest stress at most, eV/A^3.")] = None,
    trajectory: Annotated[Text, typer.Option(help="Id of the run.")] = None,
    frame: Annotated[Text, typer.Option(help="Id of the frame.")] = None,
    first_step: Annotated[Whole, typer.Option(help="First step of the run.")] = None,
    last_step: Annotated[Whole, typer.Option(help="Last step of the run.")] = None,
    dataset: Annotated[Text, typer.Option(help="Dataset: name, name@version or id.")] = None,
    part: Annotated[Text, typer.Option(help="Part of the dataset, such as train.")] = None,
    created_after: Annotated[Text, typer.Option(help="Stored then or later, ISO, UTC.")] = None,
    created_before: Annotated[Text, typer.Option(help="Stored before, ISO, UTC.")] = None,
    tag: Annotated[Texts, typer.Option(help="Of the frame, key=value; repeatable.")] = None,
    where: Annotated[Texts, typer.Option(help="FIELD OP VALUE; repeatable.")] = None,
    frames: Annotated[bool, typer.Option("--frames", help="List frames, not labels.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Only count.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=0, help="Rows; 0: all, as is the default of --json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List or count labels: energies, forces and stress of frames under recipes.

    A condition of --where is FIELD OP VALUE, such as 'step>=1010', with OP one of = != < <= > >=.
    FIELD is one of: element regime temperature_K trajectory_id step frame_id n_atoms time_fs origin
    label_id recipe_id energies.{free,sigma0,without_entropy,unspecified}
    magnitudes.{energy_per_atom,max_force,max_stress} effort.{scf_iterations,cpu_s,wall_s,program}
    recipe.{engine,xc,cutoff_eV,kmesh,smearing,smearing_order,sigma_eV,electron_shift,spin_polarized}
    provenance.{created,host}
    """
    given = {name: value for name, value in locals().items() if value is not None}
    for option in ("frames", "count", "limit", "as_json"):
        given.pop(option, None)
    words = {WORD_OF.get(name, name): value for name, value in given.items()}
    rows = (0 if as_json else DEFAULT_LIMIT) if limit is None else limit
    _answer(words, Wanted(frames, count, rows, as_json))


@dataclass(frozen=True)
class Wanted:
    """How the answer is to look."""

    frames: bool
    count: bool
    limit: int
    as_json: bool

    @property
    def noun(self) -> str:
        """What is listed."""
        return "frames" if self.frames else "labels"


def _answer(words: dict[str, Any], wanted: Wanted) -> None:
    from tm23flows.store.archive import Archive
    from tm23flows.store.query.words import Query

    Query.of(**words)  # a wrong word needs no database to be wrong
    archive = Archive.open()
    found = archive.frames(**words) if wanted.frames else archive.labels(**words)
    if wanted.count:
        number = found.count()
        print_json({"count": number}) if wanted.as_json else typer.echo(number)
        return
    rows = _rows(archive, found, wanted)
    first = next(rows, None)
    if first is None:
        asked = ", ".join(f"{key}={_asked(value)}" for key, value in words.items())
        raise InputError(
            f"The query ({asked or 'everything'}) finds no {wanted.noun}; try it with less."
        )
    rows = chain([first], rows)
    if wanted.as_json:
        shown = islice(rows, wanted.limit) if wanted.limit else rows
        print_json_list(with_progress(shown, wanted.noun, lambda: _how_many(found, wanted)))
    else:
        _print_tables(rows, found, wanted)


def _rows(archive: Archive, found: Selection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    from tm23flows.store.query.rows import frame_rows, label_rows

    # One more than is shown says whether there are more.
    limit = wanted.limit + 1 if wanted.limit else 0
    return (frame_rows if wanted.frames else label_rows)(archive, found.query, limit)


def _how_many(found: Selection, wanted: Wanted) -> int:
    return min(found.count(), wanted.limit) if wanted.limit else found.count()


def _print_tables(rows: Iterator[dict[str, Any]], found: Selection, wanted: Wanted) -> None:
    columns = FRAME_COLUMNS if wanted.frames else LABEL_COLUMNS
    shown, frame_ids = 0, set()
    listed = islice(rows, wanted.limit) if wanted.limit else rows
    while page := list(islice(listed, PAGE)):
        _print_table(page, columns)
        shown += len(page)
        frame_ids.update(row["frame_id"] for row in page)
    out = console()
    if next(rows, None) is not None:
        total = found.count()
        out.print(
            f"{shown} of {total} {wanted.noun} are shown, there are {total - shown} more: "
            "--limit 0 lists them all, --json streams them"
        )
    elif wanted.frames:
        out.print(f"{shown} frames")
    else:
        out.print(f"{shown} labels of {len(frame_ids)} frames")


def _print_table(rows: Iterable[dict[str, Any]], columns: dict[str, str]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for title in columns.values():
        table.add_column(title)
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in columns))
    console().print(table)


def _cell(name: str, value: Any) -> str:
    from rich.markup import escape

    if value is None or value == {}:
        return "-"
    if name.endswith("_id"):
        return str(value)[:12]
    if name == "tags":
        return escape(" ".join(f"{key}={one}" for key, one in value.items() if _is_short(one)))
    return f"{value:.{DIGITS[name]}f}" if name in DIGITS else escape(str(value))


def _is_short(value: Any) -> bool:
    return not isinstance(value, (list, dict)) and len(str(value)) < 40


def _asked(value: Any) -> str:
    return " and ".join(value) if isinstance(value, list) else str(value)
