"""``tm23 rare-events``: errors on the atoms in the middle of a hop, of folders and of studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tm23flows.cli.console import print_json
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from tm23flows.jobs.rare_event_folder import FolderScore

app = typer.Typer(
    help="Errors of forces on atoms in the middle of a hop (docs/howto/rare_events.md).",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def score(
    data: Annotated[
        Path, typer.Option(help="DATA.json, or the folder with it and its zip of POSCAR files.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Id of a stored model, or how it begins.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="A label of the folder as the prediction, such as DFT_K1.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score a model, or DFT with a cheap k-mesh, on a set of rare events.

    The truth is the label with the densest k-mesh. All numbers are errors: lower is better.
    """
    from tm23flows.jobs.rare_event_folder import forces_of_label, score_folder
    from tm23flows.jobs.rare_event_predictions import predict_folder
    from tm23flows.store.exchange.rare_folder import read_rare_events

    if (model is None) == (reference is None):
        raise InputError("Give --model with the id of a model, or --reference with a label.")
    found = read_rare_events(data)
    if reference is not None:
        scored = score_folder(found, forces_of_label(found, reference))
        who = reference
    else:
        from tm23flows.cli.train import find_model
        from tm23flows.store.archive import Archive

        archive = Archive.open()
        there = find_model(archive, str(model))
        scored = score_folder(found, *predict_folder(archive, there, found))
        who = f"{there.trainer} {there.id[:12]}"
    if as_json:
        print_json({"data": str(found.path), "predictor": who, **scored.as_dict()})
        return
    typer.echo(f"{who} against {scored.truth} of {found.path}; lower is better")
    for line in score_lines(scored):
        typer.echo(line)


@app.command()
def write(
    study: Annotated[str, typer.Argument(help="Id of a study of rare events, or how it begins.")],
    folder: Annotated[Path, typer.Argument(help="New folder for DATA.json and the POSCAR files.")],
    metal: Annotated[
        str | None, typer.Option(help="Chemical symbol, where the study has several.")
    ] = None,
) -> None:
    """Write the events of a study in the format that 'score' reads."""
    from tm23flows.documents.study import Study
    from tm23flows.jobs.rare_event_export import frames_of_study
    from tm23flows.store.archive import Archive
    from tm23flows.store.exchange.rare_writer import write_rare_events

    archive = Archive.open()
    found = archive.find(study)
    if not isinstance(found, Study):
        raise InputError(f"{study} is the id of a {type(found).__name__.lower()}, not of a study.")
    frames, facts = frames_of_study(archive, found, metal)
    write_rare_events(folder, frames, facts)
    typer.echo(f"{len(frames)} frames in {folder}; DATA.json states conventions and k-meshes")


def score_lines(scored: FolderScore) -> list[str]:
    """Put a score into lines.

    Parameters
    ----------
    scored
        The score.

    Returns
    -------
    A line for each number, and one for each frame that failed.
    """
    errors = scored.errors
    counts = f"{errors.n_frames_with_event} of {errors.n_frames} frames"
    lines = [f"  {errors.n_atoms} atoms in the middle of a hop in {counts}"]
    if errors.undefined is not None:
        lines.append(f"  undefined: {errors.undefined}")
    else:
        lines += [
            _line(scored, words, name)
            for words, name in (
                ("RE_M, magnitude", "re_m_error"),
                ("RE_A, direction", "re_a_error"),
                ("RE_F, eV/A", "re_f_error_eV_per_A"),
                ("share with dF > 0.5 eV/A", "fraction_above_half_eV_per_A"),
                ("share with dtheta > 15 deg", "fraction_above_15_deg"),
                ("share with dtheta > 30 deg", "fraction_above_30_deg"),
            )
        ]
    if errors.n_atoms_without_angle:
        lines.append(f"  {errors.n_atoms_without_angle} atoms have no angle: a force is zero")
    lines += [f"  frame {number} is left out: {why}" for number, why in scored.failures.items()]
    return lines


def _line(scored: FolderScore, words: str, name: str) -> str:
    found = scored.intervals[name]
    if found is None:
        return f"  {words}: undefined, {scored.errors.angle_undefined or scored.errors.undefined}"
    if found["low"] is None or found["high"] is None:
        return f"  {words}: {found['value']:.4f}"
    return f"  {words}: {found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f})"
