"""``tm23 build|run|plan study``, and ``tm23 study``: questions about several metals or recipes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm23flows.cli.console import console, fail, print_json, table_of
from tm23flows.cli.execution import Workdir, check_output, job_names, run_here, write_workflow
from tm23flows.cli.plan import Cores, PlanFile, Workers, show_plan
from tm23flows.cli.workflow import Cell, Engine, Phase, Scale, Supercell, check_metals
from tm23flows.errors import InputError, NotFoundError, TM23Error

if TYPE_CHECKING:
    from jobflow import Flow

    from tm23flows.documents.study import Study
    from tm23flows.store.archive import Archive

app = typer.Typer(help="Studies that were made.", no_args_is_help=True)

Kind = Annotated[
    str,
    typer.Argument(
        help="smearing, electrons, dos, correlations, finite-size, transfer, molecular-dynamics, "
        "crystal, phonons or rare-events."
    ),
]
FirstMetal = Annotated[
    list[str] | None,
    typer.Option("--metals", help="Metals, such as --metals Cu Ti; left out, the article's."),
]
MoreMetals = Annotated[
    list[str] | None, typer.Argument(help="The metals after the first.", show_default=False)
]
AllowUnconverged = Annotated[
    bool,
    typer.Option(
        "--allow-unconverged",
        help="Go on where no k-mesh is shown to be converged; the report then says so.",
    ),
]
KMesh = Annotated[
    str | None,
    typer.Option(
        "--kmesh",
        metavar="AxBxC",
        help="k-mesh to go on with where none is shown to be converged; with "
        "--allow-unconverged. Left out, the densest one of the test.",
    ),
]
StudySetting = Annotated[
    list[str] | None,
    typer.Option("--set", help="Field of the study's Maker, as key=value, such as count=5."),
]


def build(
    kind: Kind,
    output: Annotated[Path, typer.Option("-o", "--output", help="Workflow file to write.")],
    more: MoreMetals = None,
    metals: FirstMetal = None,
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    supercell: Supercell = None,
    kmesh: KMesh = None,
    allow_unconverged: AllowUnconverged = False,
    setting: StudySetting = None,
) -> None:
    """Write the workflow of a study for 'lpad add'."""
    check_output(output)
    told = _told(setting, allow_unconverged)
    cell = Cell(phase=phase, supercell=supercell)
    write_workflow(make_flow(kind, (metals, more), scale, engine, cell, kmesh, told), output)


def run(
    kind: Kind,
    more: MoreMetals = None,
    metals: FirstMetal = None,
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    supercell: Supercell = None,
    kmesh: KMesh = None,
    allow_unconverged: AllowUnconverged = False,
    setting: StudySetting = None,
    workdir: Workdir = Path("tm23-run"),
) -> None:
    """Run a study here, without FireWorks, and show what came out.

    Where jobs fail, a study of many metals is made with gaps; the exit code is then 1.
    """
    told = _told(setting, allow_unconverged)
    cell = Cell(phase=phase, supercell=supercell)
    flow = make_flow(kind, (metals, more), scale, engine, cell, kmesh, told)
    from tm23flows.engines.base import get_engine
    from tm23flows.jobs.context import open_archive, run_folder

    archive = open_archive()  # say at once that there is no database
    get_engine(engine, run_folder())
    names = job_names(flow)
    outputs = run_here(flow, workdir, log=True, keep_going=_knows_gaps(flow))
    lost = [name for uuid, name in names.items() if uuid not in outputs]
    made = outputs.get(flow.output.uuid)
    words = f"{len(lost)} jobs failed or wait for one that did ({', '.join(lost[:3])} ...)"
    if made is None:
        raise TM23Error(f"There is no study: {words}; see above, then run this again.")
    _print(archive, archive.find(made["study_id"]))
    if lost:
        fail(f"the study has gaps: {words}; see above.")
        raise typer.Exit(1)


def plan(
    kind: Kind,
    more: MoreMetals = None,
    metals: FirstMetal = None,
    scale: Scale = "demo",
    engine: Engine = "gpaw",
    phase: Phase = None,
    supercell: Supercell = None,
    kmesh: KMesh = None,
    allow_unconverged: AllowUnconverged = False,
    setting: StudySetting = None,
    workers: Workers = 1,
    cores: Cores = None,
    output: PlanFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """State the numbers of jobs, steps, frames and labels of a study, and what they will cost.

    Jobs of kinds that only studies have are counted, and have no times.
    """
    if output is not None:
        check_output(output)
    told = _told(setting, allow_unconverged)
    cell = Cell(phase=phase, supercell=supercell)
    flow = make_flow(kind, (metals, more), scale, engine, cell, kmesh, told)
    show_plan(flow, as_json, workers, cores, output)


@app.command("list")
def list_studies(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the studies of the archive."""
    from tm23flows.store.archive import Archive
    from tm23flows.store.studies import list_studies as stored

    found = stored(Archive.open())
    if as_json:
        print_json([_in_short(one) for one in found])
        return
    if not found:
        typer.echo("There is no study yet; make one with 'tm23 run study KIND --metals ...'.")
    for one in found:
        words = f"{one.id[:12]}  {one.kind:18}  {' '.join(one.elements)}"
        typer.echo(f"{words}  {one.provenance.created:%Y-%m-%d %H:%M}")


@app.command("show")
def show(
    study: Annotated[str, typer.Argument(help="Id of the study, how it begins, or its kind.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a study found; of a kind, the newest."""
    from tm23flows.store.archive import Archive

    archive = Archive.open()
    found = _find(archive, study)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    _print(archive, found)


def make_flow(
    kind: str,
    metals: tuple[list[str] | None, list[str] | None],
    scale: str,
    engine: str,
    cell: Cell,
    kmesh: str | None,
    settings: dict[str, Any],
) -> Flow:
    """Wire a study from the words of a user.

    Parameters
    ----------
    kind
        Name of the study.
    metals
        What ``--metals`` took, and the words after it.
    scale
        ``demo`` or ``paper``.
    engine
        Name of the engine.
    cell
        What was said about the structure.
    kmesh
        Mesh to go on with where none is shown to be converged, such as ``3x3x3``.
    settings
        Fields of the Maker.

    Returns
    -------
    The flow.

    Raises
    ------
    InputError
        With one sentence about what cannot be made.
    """
    from tm23flows.documents.recipe import parse_kmesh
    from tm23flows.flows.studies.scales import find_kind, make_study

    first, more = metals
    mesh = None if kmesh is None else parse_kmesh(kmesh)
    if mesh is not None and "allow_unconverged" not in settings and not find_kind(kind).is_large:
        raise InputError("A --kmesh is for where none is converged: say --allow-unconverged, too.")
    if more and not first:
        raise InputError(f"Say '--metals {' '.join(more)}' after the name of the study.")
    chosen = [*(first or []), *(more or [])] or list(find_kind(kind).metals)
    check_metals(chosen, scale, engine)
    makers = {one: cell.maker(one) for one in chosen}
    return make_study(kind, makers, scale, engine, settings, mesh)


def _knows_gaps(flow: Flow) -> bool:
    """Say whether a study can be made where some of its jobs failed."""
    from jobflow import OnMissing

    return flow.jobs[-1].config.on_missing_references == OnMissing.NONE


def _told(setting: list[str] | None, allow_unconverged: bool) -> dict[str, Any]:
    from tm23flows.cli.train import settings_of

    told = settings_of(setting or [])
    return {**told, "allow_unconverged": True} if allow_unconverged else told


def _find(archive: Archive, word: str) -> Study:
    from tm23flows.documents.study import Study
    from tm23flows.store.studies import list_studies as stored

    if of_kind := [one for one in stored(archive) if one.kind == word]:
        return of_kind[-1]
    found = archive.find(word)
    if not isinstance(found, Study):
        raise NotFoundError(f"{word} is no study; see 'tm23 study list'.")
    return found


def _in_short(study: Study) -> dict[str, Any]:
    return {
        "id": study.id,
        "kind": study.kind,
        "elements": list(study.elements),
        "created": study.provenance.created.isoformat(),
        "warnings": list(study.warnings),
    }


def _print(archive: Archive, study: Study) -> None:
    from rich.text import Text

    from tm23flows.report.studies.page import section_of

    out = console()
    section = section_of(archive, study)
    out.print(Text(f"{section.title} ({study.id[:12]})", style="bold"))
    # As on the page: what a reader must know to judge the answer comes first.
    for sentence in (*section.warnings, *section.answer):
        out.print(Text(sentence))
    for table in section.tables:
        out.print(table_of(table))
