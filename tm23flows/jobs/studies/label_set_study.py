"""From label sets of several metals to a stored study, whatever the sets differ in.

Owns the order of the work and what stays if the study is there already. The smearing and the
electron-count study say what their sets differ in and make their results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.studies.electrons import ElectronResults
from tm23flows.documents.studies.smearing import SmearingResults
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.studies.label_sets import LabelSet, read_sets
from tm23flows.jobs.studies.measured_sets import Measured, measure_sets, warnings_of
from tm23flows.science.block_bootstrap import Bootstrap

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Results = SmearingResults | ElectronResults


def store_study(
    kind: str,
    wired: dict[str, Any],
    settings: dict[str, Any],
    differ_in: str,
    results: Callable[[Sequence[Measured], Bootstrap], Results],
    warnings: Sequence[str] = (),
) -> Study:
    """Compare the label sets of each metal and store the study; one that is there stays.

    Parameters
    ----------
    kind
        Which study.
    wired
        By chemical symbol what :func:`tm23flows.flows.studies.label_sets.wire_sets` describes.
    settings
        Settings of the analysis; ``resampling`` and ``allow_missing`` are used, all are stored.
    differ_in
        Word of the recipes in which the sets differ.
    results
        Makes the results from what was measured on each metal.
    warnings
        What is to be said in any case, after what the data make necessary.

    Returns
    -------
    The study.

    Raises
    ------
    InputError
        If label sets are not of the same frames, or differ in more.
    """
    archive = open_archive()
    sets = {element: read_sets(archive, one, differ_in) for element, one in wired.items()}
    tests = {element: _convergence(archive, one["mesh"]) for element, one in wired.items()}
    parents = _parents(sets, tests)
    key = study_id(kind, tuple(wired), settings, parents)
    if archive.existing(Study, [key]):
        return archive.get(Study, key)
    bootstrap = Bootstrap(**Resampling(**settings["resampling"]).model_dump())
    missing = bool(settings["allow_missing"])
    measured = [
        measure_sets(element, sets[element], tests[element], bootstrap, missing)
        for element in wired
    ]
    said = [one for metal in measured for one in warnings_of(metal, missing)]
    study = Study(
        provenance=Provenance.now(inputs={"metals": list(wired)}),
        elements=tuple(wired),
        settings=settings,
        parents=parents,
        results=results(measured, bootstrap),
        warnings=(*said, *warnings),
    )
    archive.put(study)
    return study


def _convergence(archive: Archive, mesh: dict[str, Any]) -> Convergence | None:
    known = mesh.get("convergence_id")
    return archive.get(Convergence, known) if known else None


def _parents(
    sets: dict[str, list[LabelSet]], tests: dict[str, Convergence | None]
) -> dict[str, tuple[str, ...]]:
    every = [one for some in sets.values() for one in some]
    return sorted_parents(
        datasets=[one.dataset.id for one in every],
        models=[one.model.id for one in every],
        evaluations=[one.evaluation.id for one in every],
        labels=[label.id for one in every for label in one.noise_labels.values()],
        densities_of_states=[dos for one in every for dos in one.dos_ids],
        convergences=[test.id for test in tests.values() if test],
    )
