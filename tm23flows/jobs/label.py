"""The job that labels a batch of frames in one process, each warm from the one before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobflow import Maker, Response, job

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection, label_id
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Engine, Failure, Result, Setup, get_engine
from tm23flows.errors import InputError, OutOfTimeError, PhysicsError
from tm23flows.jobs.context import (
    as_this_job,
    deadline,
    keep_raw_outputs,
    open_archive,
    run_folder,
    wait_for_deadline,
    wait_for_space,
)
from tm23flows.jobs.frame import make_label

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

FLUSH_S = 1.0
"""Finished labels wait at most this long to be written, so a killed job loses no more.

Labels that take longer are written one by one; fast ones share a write.
"""


@dataclass
class LabelJobMaker(Maker):
    """The job, with the engine's own Maker inside, where atomate2's powerups find it.

    Parameters
    ----------
    name
        Name of the job.
    calculation
        The engine's Maker of one calculation; None for the engine's default.
    """

    name: str = "labels"
    calculation: Maker | None = None

    @job
    def make(
        self,
        frame_ids: list[str],
        recipes: list[dict[str, Any]],
        first: int,
        last: int,
        mesh: dict[str, Any] | None = None,
        fruitless: int = 0,
    ) -> dict[str, Any] | Response:
        """Label some of the given frames; see :func:`label_frames`.

        Parameters
        ----------
        fruitless
            How many workers in a row have had no time for a single label.

        Returns
        -------
        What :func:`label_frames` returns. Where the time of the worker was over first,
        with the job that goes on as a detour.
        """
        task = (frame_ids, recipes, first, last, mesh)
        wait_for_space()
        done = label_frames(*task, calculation=self.calculation)
        if not done["waiting"]:
            return done
        fruitless = wait_for_deadline(done["accepted"] + done["rejected"], fruitless)
        return Response(done, detour=as_this_job(self.make(*task, fruitless)))


def label_frames(
    frame_ids: list[str],
    recipes: list[dict[str, Any]],
    first: int,
    last: int,
    mesh: dict[str, Any] | None = None,
    calculation: Maker | None = None,
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

    Returns
    -------
    ``recipe_id`` of the first recipe, ``recipe_ids`` of all, and numbers of labels
    ``accepted``, ``rejected``, ``existing``, and ``waiting`` where the time of the worker
    was over first.

    Raises
    ------
    InputError
        If two recipes come out the same, because the Maker sets what they differ in.
    PhysicsError
        If not one label of the batch could be computed.
    DiskFullError
        If the disk is full; what was finished is kept.
    """
    archive = open_archive()
    frames = archive.get_many(Frame, frame_ids[first : last or None])
    engine = get_engine(recipes[0]["engine"], run_folder(), Setup("label", calculation, deadline()))
    complete = _complete(engine, frames, [_with_mesh(one, mesh) for one in recipes])
    ids = [label_id(frame.id, recipe.id) for frame in frames for recipe in complete]
    known = archive.existing(Label, ids)
    accepted, rejections = _write(archive, _compute(engine, frames, complete, known))
    keep_raw_outputs(archive, engine)
    if rejections and accepted + len(known) == 0:
        raise PhysicsError(
            f"None of {len(frames)} frames could be labelled; the first: {rejections[0]}"
        )
    return {
        "recipe_id": complete[0].id,
        "recipe_ids": [recipe.id for recipe in complete],
        "accepted": accepted,
        "rejected": len(rejections),
        "existing": len(known),
        "waiting": len(ids) - len(known) - accepted - len(rejections),
    }


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
    engine: Engine, frames: list[Frame], recipes: list[Recipe], known: set[str]
) -> Iterator[Label | Rejection]:
    """Yield what becomes of all labels, frame by frame; one stream of results per recipe."""
    streams = []
    for recipe in recipes:
        waiting = [frame for frame in frames if label_id(frame.id, recipe.id) not in known]
        results = engine.label((frame.atoms for frame in waiting), recipe)
        streams.append((recipe, Provenance.now(engine.versions(), engine.inputs(recipe)), results))
    for frame in frames:
        for recipe, past, results in streams:
            if label_id(frame.id, recipe.id) not in known:
                yield _outcome(frame, recipe, past, next(results))


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
    return Rejection(provenance=provenance, frame_id=frame.id, recipe=recipe, reason=reason)


def _write(archive: Archive, outcomes: Iterator[Label | Rejection]) -> tuple[int, list[str]]:
    accepted, reasons = 0, []
    waiting: list[Label | Rejection] = []
    written = time.monotonic()
    try:
        with suppress(OutOfTimeError):
            for outcome in outcomes:
                waiting.append(outcome)
                if isinstance(outcome, Label):
                    accepted += 1
                else:
                    reasons.append(outcome.reason)
                if time.monotonic() - written > FLUSH_S:
                    archive.record(waiting)
                    waiting, written = [], time.monotonic()
    finally:
        archive.record(waiting)
    return accepted, reasons
