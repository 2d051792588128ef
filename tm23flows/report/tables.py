"""The error table: models beside the noise of their labels.

Owns the rows and how a terminal shows them. The page takes the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from tm23flows.report.comparisons import ComparisonRow, group_place, sigma_rows, trajectory_rows
from tm23flows.report.label_noise import MISSING_NOISE_NOTE, NOISE_NOTE, noise_rows
from tm23flows.report.quantities import (
    QUANTITIES,
    Quantity,
    mae_text,
    number_text,
    percent_text,
)
from tm23flows.report.records import SHORT_ID, Measured, measured

if TYPE_CHECKING:
    from rich.table import Table

    from tm23flows.store.archive import Archive

__all__ = [
    "ErrorTableRow", "as_dict", "error_rows", "format_comparison_table", "format_error_table",
    "noise_rows", "sigma_rows", "sorted_rows", "trajectory_rows",
]  # fmt: skip

NOISE = "label noise"


@dataclass(frozen=True)
class ErrorTableRow:
    """Errors of one model on one group of frames."""

    metal: str
    dataset: str
    dataset_id: str
    part: str
    energy_reference: str
    group: str
    trainer: str
    model: str
    model_id: str
    evaluation_id: str
    n_frames: int
    force: Quantity
    energy: Quantity
    stress: Quantity | None

    @property
    def title(self) -> str:
        """What the model is called, and its short id."""
        return f"{self.model} {self.model_id[:SHORT_ID]}"

    @property
    def frames(self) -> tuple[str, str, str]:
        """What the row is of: dataset, part and how the energy MAV is referenced."""
        return (self.dataset_id, self.part, self.energy_reference)


def error_rows(archive: Archive, dataset: str | None = None) -> list[ErrorTableRow]:
    """Read the errors of every evaluation.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name, ``name@version`` or id of a dataset; all by default.

    Returns
    -------
    Rows by dataset, model and group: all frames first, then rising temperature.

    Raises
    ------
    NotFoundError
        If the dataset, or the model or dataset of an evaluation, is not there.
    """
    return [row for one in measured(archive, dataset) for row in _rows(one)]


def _rows(one: Measured) -> list[ErrorTableRow]:
    made = one.evaluation
    return [
        ErrorTableRow(
            metal=one.dataset.element,
            dataset=one.named.name,
            dataset_id=made.dataset_id,
            part=made.part,
            energy_reference=made.energy_reference,
            group=errors.group,
            trainer=one.model.trainer,
            model=one.kind,
            model_id=made.model_id,
            evaluation_id=made.id,
            n_frames=errors.n_frames,
            force=Quantity.of(errors.force),
            energy=Quantity.of(errors.energy),
            stress=None if errors.stress is None else Quantity.of(errors.stress),
        )
        for errors in sorted(made.errors, key=lambda errors: group_place(errors.group))
    ]


def as_dict(row: ErrorTableRow | ComparisonRow) -> dict[str, Any]:
    """Return a row as JSON values, units in the names.

    Parameters
    ----------
    row
        A row of any table.

    Returns
    -------
    Such as ``force_mae_meV_per_A``; what is undefined or not there is None.
    """
    result: dict[str, Any] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if field.name not in QUANTITIES:
            result[field.name] = value
            continue
        unit = QUANTITIES[field.name].replace("Å³", "A3").replace("Å", "A").replace("/", "_per_")
        for name in ("mae", "rmse", "mav"):
            result[f"{field.name}_{name}_{unit}"] = getattr(value, name, None)
        result[f"{field.name}_percent"] = getattr(value, "percent", None)
    return result


def sorted_rows(
    rows: Iterable[ErrorTableRow], noise: Iterable[ComparisonRow]
) -> list[list[ErrorTableRow | ComparisonRow]]:
    """Bring models and label noise of the same frames together.

    Parameters
    ----------
    rows
        Errors of models.
    noise
        Label noise; rows of data that no model was measured on are left out.

    Returns
    -------
    One list per dataset, part and group, models first.
    """
    together: dict[tuple[str, ...], list[ErrorTableRow | ComparisonRow]] = {}
    blocks: dict[tuple[str, ...], int] = {}
    for row in rows:
        blocks.setdefault(row.frames, len(blocks))
        together.setdefault((*row.frames, row.group), []).append(row)
    for row in noise:
        if (*row.frames, row.group) in together:
            together[*row.frames, row.group].append(row)
    order = sorted(together, key=lambda key: (blocks[key[:-1]], group_place(key[-1])))
    return [together[key] for key in order]


def cells(row: ErrorTableRow | ComparisonRow) -> list[str]:
    """Write a row.

    Parameters
    ----------
    row
        A row of the error table.

    Returns
    -------
    Its texts: metal, group, what it is of, frames, then MAE and percent error of force,
    energy and stress.
    """
    if isinstance(row, ErrorTableRow):
        what = row.title
    else:
        frames = "frame" if row.n_frames == 1 else "frames"
        what = f"{NOISE}: {row.what}, {row.n_frames} {frames}"
    numbers = [
        write(getattr(row, name)) for name in QUANTITIES for write in (mae_text, percent_text)
    ]
    return [row.metal, row.group, what, str(row.n_frames), *numbers]


def format_error_table(rows: Sequence[ErrorTableRow], noise: Sequence[ComparisonRow]) -> Table:
    """Lay out the error table for a terminal.

    Parameters
    ----------
    rows
        Errors of models, see :func:`error_rows`.
    noise
        Label noise, see :func:`.noise_rows`.

    Returns
    -------
    The table, with the note on the noise under it.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    names = sorted({f"{row.dataset}, {row.part}" for row in rows})
    # Most tables are of one metal, which the title names: its column would cost the models room.
    first = 0 if len({row.metal for row in rows}) > 1 else 1
    table = Table(
        title=Text(f"Errors{f' on {names[0]}' if len(names) == 1 else ''}: MAE and % of MAV"),
        caption=Text(NOISE_NOTE if noise else MISSING_NOISE_NOTE),
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for title in ("metal", "at")[first:]:
        table.add_column(title)
    table.add_column("model", min_width=16)
    table.add_column("n", justify="right")
    for name, unit in QUANTITIES.items():
        table.add_column(f"{name}\n{unit}", justify="right")
        table.add_column("\n%", justify="right")
    shown = None
    for block in sorted_rows(rows, noise):
        about = f"{block[0].dataset}, {block[0].part}"
        if len(names) > 1 and about != shown:
            # Label sets of one study differ in nothing else that the table shows.
            table.add_row(*[""] * (2 - first), Text(about, style="bold"))
        shown = about
        for row in block:
            style = "dim" if isinstance(row, ComparisonRow) else ""
            table.add_row(*map(Text, cells(row)[first:]), style=style)
        table.add_section()
    return table


def format_comparison_table(rows: Sequence[ComparisonRow], title: str) -> Table:
    """Lay out a comparison of recipes for a terminal.

    Parameters
    ----------
    rows
        See :func:`.sigma_rows` and :func:`.trajectory_rows`.
    title
        What is compared.

    Returns
    -------
    The table.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title))
    for name in ("metal", "recipes", "frames at"):
        table.add_column(name)
    for name in ("n", "mean |dF|\nmeV/Å", "rms dF\nmeV/Å", "mean |dF|\n%"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*map(Text, comparison_cells(row)))
    return table


def comparison_cells(row: ComparisonRow) -> list[str]:
    """Write the forces of a row.

    Parameters
    ----------
    row
        A comparison.

    Returns
    -------
    Its texts: metal, recipes, group, frames, mean and rms difference, percent.
    """
    numbers = [mae_text(row.force), number_text(row.force.rmse), percent_text(row.force)]
    return [row.metal, row.what, row.group, str(row.n_frames), *numbers]
