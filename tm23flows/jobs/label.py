"""The job that labels a batch of frames in one process, each warm from the one before.

Where it is asked for, densities of states come out of the same calculations.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobflow import Maker, Response, job

from tm23flows.documents.base import Provenance
from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection, label_id
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Engine, Failure, Result, Setup, get_engine
from tm23flows.errors import InputError, OutOfTimeError, PhysicsError
from tm23flows.jobs.claimed import Hold
from tm23flows.jobs.context import (
    as_this_job,
    begin_job,
    keep_raw_outputs,
    open_archive,
    run_folder,
    wait_for_deadline,
)
from tm23flows.jobs.density_of_states import make_density_of_states
from tm23flows.jobs.frame import make_label
from tm23flows.log import get_log
from tm23flows.science.density_of_states import D_WINDOW_EV
from tm23flows.store.claims import task_id
from tm23flows.store.outbox import Recorder

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

FLUSH_S = 1.0
"""Finished labels wait at most this long to be written, so a killed job loses no more.

Labels that take longer are written one by one; fast ones share a write.
"""

Outcome = Label | Rejection | DensityOfStates | bytes
"""What a calculation leaves: documents, and the blobs that they name."""


@dataclass
class LabelJobMaker(Maker):
    """The job, with the engine's own Maker inside, where atomate2's powerups find it.

    Parameters
    ----------
    name
        Name of the job.
    calculation
        The engine's Maker of one calculation; None for the engine's default.
    spectra
        Whether each label comes with the density of states.
    """

    name: str = "labels"
    calculation: Maker | None = None
    spectra: bool = False

    @job
    def make(
        self,
        frame_ids: list[str],
        recipes: list[dict[str, Any]],
        first: int,
        last: int,
        mesh: dict[str, Any] | None = None,
    ) -> dict[str, Any] | Response:
        """Label some of the given frames; see :func:`label_frames`.

        Returns
        -------
        What :func:`label_frames` returns. Where the time of the worker was over first,
        with the job that goes on as a detour.
        """
        task = (frame_ids, recipes, first, last, mesh)
        begin_job()
        done = label_frames(*task, calculation=self.calculation, spectra=self.spectra)
        if not done["waiting"]:
            return done
        batch = batch_id(frame_ids[first : last or None], done["recipe_ids"])
        wait_for_deadline(batch, done["accepted"] + done["rejected"] + done["spectra"])
        return Response(done, detour=as_this_job(self.make(*task)))


def label_frames(
    frame_ids: list[str],
    recipes: list[dict[str, Any]],
    first: int,
    last: int,
    mesh: dict[str, Any] | None = None,
    calculation: Maker | None = None,
    spectra: bool = False,
) -> dict[str, Any]:
    """Label some of the given frames; what is labelled already is left alone.

    Parameters
    ----------
    frame_ids
        Frames, all of one metal.
    recipes
        Fields of the recipes, all of one engine. Each frame gets all its labels before
        the next one, so that an engine can start each from the one before.
    first, last
        Indices of the first frame of this batch and of the one after it; negative ones count
        from the end, and a last one of 0 means up to the end.
    mesh
        ``kmesh`` and ``kmesh_offset`` of a verdict, in place of those of the recipes.
    calculation
        The engine's Maker of one calculation; None for the engine's default.
    spectra
        Whether to store the densities of states too. A frame that has its label and not its
        density of states is computed again, and its label stays as it is.

    Returns
    -------
    ``recipe_id`` of the first recipe, ``recipe_ids`` of all, and numbers of labels
    ``accepted``, ``rejected``, ``existing``, of new densities of states ``spectra``, and of
    what is ``waiting`` where the time of the worker was over first.

    Raises
    ------
    InputError
        If two recipes come out the same, because the Maker sets what they differ in, or the
        engine has no spectra.
    PhysicsError
        If not one label of the batch could be computed.
    DiskFullError
        If the disk is full; what was finished is kept.
    """
    archive = open_archive()
    frames = archive.get_many(Frame, frame_ids[first : last or None])
    hold = Hold(archive)
    setup = Setup("label", calculation, hold.deadline, spectra)
    engine = get_engine(recipes[0]["engine"], run_folder(), setup)
    complete = _complete(engine, frames, [_with_mesh(one, mesh) for one in recipes])
    return _label(archive, hold, engine, frames, complete, spectra=spectra)


def batch_id(frame_ids: Sequence[str], recipe_ids: Sequence[str]) -> str:
    """Return the id of the task of labelling frames.

    Parameters
    ----------
    frame_ids
        The frames, in order.
    recipe_ids
        The complete recipes, in order.

    Returns
    -------
    The id of the claim.
    """
    return task_id("labels", frames=list(frame_ids), recipes=list(recipe_ids))


def _label(
    archive: Archive,
    hold: Hold,
    engine: Engine,
    frames: list[Frame],
    recipes: list[Recipe],
    *,
    spectra: bool,
) -> dict[str, Any]:
    pairs = [(frame.id, recipe.id) for frame in frames for recipe in recipes]
    written = _Written()
    batch = batch_id([frame.id for frame in frames], [recipe.id for recipe in recipes])
    known, done = _known(archive, pairs, spectra=spectra)
    if len(done) < len(pairs):
        with suppress(OutOfTimeError), hold.claim(batch, "label", frames[0].element):
            # another worker may have gone on while this one waited for it
            known, done = _known(archive, pairs, spectra=spectra)
            stream = _compute(engine, frames, recipes, done, spectra=spectra)
            _write(hold, stream, written)
        keep_raw_outputs(archive, engine)
    finished, new_spectra, reasons = written.labels, written.n_spectra, written.reasons
    if reasons and not (finished or done):
        raise PhysicsError(
            f"None of {len(frames)} frames could be labelled; the first: {reasons[0]}"
        )
    return {
        "recipe_id": recipes[0].id,
        "recipe_ids": [recipe.id for recipe in recipes],
        "accepted": len(finished - known),
        "rejected": len(reasons),
        "existing": len(known),
        "spectra": new_spectra,
        "waiting": len(pairs) - len(done) - len(finished) - len(reasons),
    }


def _known(
    archive: Archive, pairs: list[tuple[str, str]], *, spectra: bool
) -> tuple[set[str], set[str]]:
    """Return the labels that are there, and those that nothing is missing of."""
    known = archive.existing(Label, [label_id(*pair) for pair in pairs])
    return known, _done(archive, pairs, known) if spectra else known


def _done(archive: Archive, pairs: list[tuple[str, str]], known: set[str]) -> set[str]:
    """Return the labels that are there with their densities of states."""
    by_dos = {dos_id(*pair, D_WINDOW_EV): label_id(*pair) for pair in pairs}
    there = archive.existing(DensityOfStates, list(by_dos))
    return known & {by_dos[one] for one in there}


def _with_mesh(recipe: dict[str, Any], mesh: dict[str, Any] | None) -> Recipe:
    chosen = {name: mesh[name] for name in ("kmesh", "kmesh_offset")} if mesh else {}
    return Recipe(**{**recipe, **chosen})


def _complete(engine: Engine, frames: list[Frame], given: list[Recipe]) -> list[Recipe]:
    """Refuse variants that are none, such as of a SIGMA that a powerup sets for all of them."""
    elements = {frame.element for frame in frames}
    recipes = [engine.complete(one, elements) for one in given]
    if len({recipe.id for recipe in recipes}) < len(recipes):
        widths = ", ".join(f"{recipe.sigma_eV:g}" for recipe in recipes)
        raise InputError(
            f"Of {len(recipes)} recipes for the same frames some come out the same (sigma_eV = "
            f"{widths}): settings of the Maker, such as SIGMA in user_incar_settings, win over "
            "them; set it in the recipe instead."
        )
    return recipes


def _compute(
    engine: Engine,
    frames: list[Frame],
    recipes: list[Recipe],
    done: set[str],
    *,
    spectra: bool,
) -> Iterator[list[Outcome]]:
    """Yield what becomes of all labels, frame by frame; one stream of results per recipe."""
    streams = []
    for recipe in recipes:
        waiting = [frame for frame in frames if label_id(frame.id, recipe.id) not in done]
        results = engine.label((frame.atoms for frame in waiting), recipe)
        streams.append((recipe, Provenance.now(engine.versions(), engine.inputs(recipe)), results))
    for frame in frames:
        for recipe, past, results in streams:
            if label_id(frame.id, recipe.id) not in done:
                result = next(results)
                outcome = _outcome(frame, recipe, past, result)
                if spectra and isinstance(outcome, Label):
                    yield _with_spectrum(outcome, result)
                else:
                    yield [outcome]


def _outcome(
    frame: Frame, recipe: Recipe, past: Provenance, result: Result | Failure
) -> Label | Rejection:
    known = {} if isinstance(result, Failure) else result.versions
    provenance = past.model_copy(
        update={"created": Provenance.now().created, "software": {**past.software, **known}}
    )
    if isinstance(result, Failure):
        reason = result.reason
    else:
        try:
            return make_label(
                frame,
                recipe=recipe,
                provenance=provenance,
                energies=result.energies,
                forces=result.forces,
                stress=result.stress,
                effort=result.effort,
            )
        except ValueError as error:
            reason = str(error)
    return Rejection(
        provenance=provenance,
        frame_id=frame.id,
        recipe=recipe,
        reason=reason,
        effort=result.effort,
    )


def _with_spectrum(label: Label, result: Result) -> list[Outcome]:
    """Return a label with its density of states; electrons that are missing reject both.

    Nothing is written yet: what cannot be written is kept together.
    """
    if result.spectrum is None:
        raise InputError(
            f"The engine {label.recipe.engine} has no electronic states, and densities of states "
            "were asked for: use gpaw or vasp, or label without spectra."
        )
    arrays = Recorder()
    try:
        density = make_density_of_states(arrays, label, result.spectrum)
        return [*(one["data"] for one in arrays.records), label, density]
    except PhysicsError as error:
        return [
            Rejection(
                provenance=label.provenance,
                frame_id=label.frame_id,
                recipe=label.recipe,
                reason=str(error),
                effort=label.effort,
            )
        ]


@dataclass
class _Written:
    """What is in the archive of a batch, while more comes."""

    labels: set[str] = field(default_factory=set)
    n_spectra: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, outcomes: list[Outcome]) -> None:
        """Count what was written."""
        for one in outcomes:
            if isinstance(one, Label):
                self.labels.add(one.id)
            elif isinstance(one, Rejection):
                self.reasons.append(one.reason)
            elif isinstance(one, DensityOfStates):
                self.n_spectra += 1


def _write(hold: Hold, outcomes: Iterator[list[Outcome]], written: _Written) -> None:
    """Store what comes, also what came before the time was over or something failed."""
    waiting: list[Outcome] = []
    since = time.monotonic()
    try:
        for outcome in outcomes:
            waiting += outcome
            if time.monotonic() - since > FLUSH_S:
                # what could not be written is kept elsewhere, and not written again below
                batch, waiting = waiting, []
                _flush(hold, batch, written)
                since = time.monotonic()
    finally:
        _flush(hold, waiting, written)


def _flush(hold: Hold, outcomes: list[Outcome], written: _Written) -> None:
    if not outcomes:
        return
    blobs = [one for one in outcomes if isinstance(one, bytes)]
    labels = [one for one in outcomes if isinstance(one, (Label, Rejection))]
    densities = [one for one in outcomes if isinstance(one, DensityOfStates)]

    def write(target: Archive) -> None:
        for one in blobs:
            target.blobs.put(one)
        target.record(labels)
        target.put(*densities)

    hold.write(write)
    written.add(outcomes)
    for one in labels:
        what = "label.rejected" if isinstance(one, Rejection) else "label.accepted"
        get_log().info(what, label=one.id, frame=one.frame_id, recipe=one.recipe.id)
