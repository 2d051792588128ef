"""What each Firework of a workflow is going to do: kind of work, how much, and of which size.

Owns the reading of jobs that were wired and not run: their arguments refer to each other, and the
sizes of a label are in the job that builds its structure. Jobs of kinds that are not known here
are named and counted, never guessed.
"""

from __future__ import annotations

import inspect
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from tm23flows.documents.ids import content_id
from tm23flows.documents.structure import Structure
from tm23flows.errors import TM23Error
from tm23flows.ops.cost.tasks import Sizes, Task, Work
from tm23flows.ops.cost.work import (
    EPOCH,
    LABEL,
    PREDICTION,
    STEP,
    Kind,
    calculation_kind,
    calculation_sizes,
    training_kind,
)
from tm23flows.science.moments import Moment
from tm23flows.science.split_rules import apply_rule

if TYPE_CHECKING:
    from fireworks import Workflow
    from jobflow import Job

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Makers:
    """What jobs know and this shelf must not: how structures and hyperparameters are made.

    Parameters
    ----------
    structure
        From the arguments of the job that builds a structure, as its own function.
    hyperparameters
        From a trainer's name and the hyperparameters that are set to all of them.
    """

    structure: Callable[..., Structure]
    hyperparameters: Callable[[str, Mapping[str, Any]], dict[str, Any]]


def planned_tasks(workflow: Workflow, makers: Makers) -> list[Task]:
    """Read what the Fireworks of a workflow are going to do.

    Parameters
    ----------
    workflow
        FireWorks' workflow, not submitted.
    makers
        How structures and hyperparameters are made.

    Returns
    -------
    One task for each Firework, in their order.
    """
    jobs = {firework.tasks[0]["job"].uuid: firework.tasks[0]["job"] for firework in workflow.fws}
    numbers = {firework.tasks[0]["job"].uuid: firework.fw_id for firework in workflow.fws}
    reader = _Reader(jobs, makers)
    tasks = []
    for firework in workflow.fws:
        job, tags = firework.tasks[0]["job"], firework.spec.get("tm23", {})
        parents = [numbers[one] for one in job.input_uuids if one in numbers]
        work, facts = reader.read(job)
        tasks.append(
            Task(
                number=firework.fw_id,
                name=firework.name,
                metal=str(tags.get("element") or "-"),
                stage=str(firework.spec.get("_category", "-")),
                function=function_name(job),
                parents=tuple(sorted(parents)),
                work=tuple(work),
                **facts,
            )
        )
    return tasks


def work_id(workflow: Workflow) -> str:
    """Return what is the same of workflows that ask for the same, whenever they were made.

    Parameters
    ----------
    workflow
        FireWorks' workflow, not submitted.

    Returns
    -------
    Hash of the functions and arguments of its jobs.
    """
    from monty.json import MontyEncoder

    jobs = [firework.tasks[0]["job"] for firework in workflow.fws]
    asked = [[function_name(job), arguments_of(job)] for job in jobs]
    places = {job.uuid: str(place) for place, job in enumerate(jobs)}
    text = json.dumps(asked, cls=MontyEncoder, sort_keys=True)
    # each flow gives its jobs new names
    return content_id("work", asked=_UUID.sub(lambda one: places.get(one[0], one[0]), text))


def function_name(job: Job) -> str:
    """Return the name of the function of a job.

    Parameters
    ----------
    job
        The job.

    Returns
    -------
    With the name of its Maker, such as ``LabelJobMaker.make``.
    """
    return inspect.unwrap(getattr(job.function, "original", job.function)).__qualname__


def arguments_of(job: Job) -> dict[str, Any]:
    """Return the arguments of a job by name.

    Parameters
    ----------
    job
        The job.

    Returns
    -------
    Values and references.
    """
    bound = inspect.signature(job.function).bind(*job.function_args, **job.function_kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


@dataclass
class _Reader:
    """Jobs by uuid, and what was found out about them."""

    jobs: dict[str, Job]
    makers: Makers
    cells: dict[str, Structure | None] = field(default_factory=dict)

    def read(self, job: Job) -> tuple[list[Work], dict[str, Any]]:
        """Return the work of a job and facts about it."""
        name, asked = function_name(job), arguments_of(job)
        structure = self._structure(job)
        facts: dict[str, Any] = {"n_atoms": len(structure.numbers) if structure else None}
        if name == "TrajectoryJobMaker.make":
            kind = calculation_kind(asked["recipe"], STEP)
            sizes = self._sizes(structure, [asked["recipe"]])
            facts["segment_steps"] = asked["segment_steps"]
            return [Work(kind, asked["n_steps"], sizes)], facts
        if name == "LabelJobMaker.make":
            return self._labels(asked, structure), facts
        if name == "select_frames":
            return [], {**facts, "frames": asked["count"]}
        if name == "train_model":
            return self._training(asked, structure), facts
        if name == "evaluate_model":
            return self._prediction(asked, structure), facts
        return [], facts

    def _labels(self, asked: dict[str, Any], structure: Structure | None) -> list[Work]:
        units = asked["last"] - asked["first"]
        meshes = self._meshes(asked["mesh"])
        work = []
        for recipe in asked["recipes"]:
            choices = [
                {**recipe, "kmesh": one["kmesh"], "kmesh_offset": one["offset"]} for one in meshes
            ]
            sizes = self._sizes(structure, choices if asked["mesh"] is not None else [recipe])
            work.append(Work(calculation_kind(recipe, LABEL), units, sizes))
        return work

    def _meshes(self, mesh: Any) -> list[dict[str, Any]]:
        """Return the meshes that a verdict will be one of; none where they are not known."""
        if isinstance(mesh, Mapping):
            return [{"kmesh": mesh["kmesh"], "offset": mesh["kmesh_offset"]}]
        chooser = self.jobs.get(getattr(mesh, "uuid", ""))
        return list(arguments_of(chooser).get("meshes", ())) if chooser else []

    def _training(self, asked: dict[str, Any], structure: Structure | None) -> list[Work]:
        settings = self.makers.hyperparameters(asked["trainer"], asked["hyperparameters"])
        kind = training_kind(asked["trainer"], settings)
        frames = self._frames(asked["dataset_id"], asked["part"])
        sizes = ()
        if structure is not None and frames:
            sizes = ({"atoms": float(len(structure.numbers)), "frames": float(frames)},)
        units = int(settings["max_epochs"]) if kind.unit == EPOCH else 1
        return [Work(kind, units, sizes, settings.get("max_wall_s"))]

    def _prediction(self, asked: dict[str, Any], structure: Structure | None) -> list[Work]:
        trained = self.jobs.get(getattr(asked["model_id"], "uuid", ""))
        frames = self._frames(asked["dataset_id"], asked["part"])
        if trained is None or frames is None:
            return []
        trainer = arguments_of(trained).get("trainer")
        sizes = () if structure is None else ({"atoms": float(len(structure.numbers))},)
        return [Work(Kind(str(trainer), PREDICTION), frames, sizes)]

    def _frames(self, dataset_id: Any, part: str) -> int | None:
        """Count the frames that a part of a dataset will have; None where nobody knows."""
        maker = self.jobs.get(getattr(dataset_id, "uuid", ""))
        if maker is None or function_name(maker) != "make_dataset":
            return None
        asked = arguments_of(maker)
        moments = [m for one in asked["frame_ids"] for m in self._moments(one)]
        try:
            splits = list(apply_rule(moments, asked["split"], self._rest(asked)).values())
        except TM23Error:
            return None
        return len(splits[-1].parts.get(part, ())) or None

    @staticmethod
    def _rest(asked: dict[str, Any]) -> dict[str, Any]:
        """Return the options of the rule, without those that are for any rule."""
        outer = ("min_gap_fs", "thin", "allow_missing")
        return {key: value for key, value in asked["split_options"].items() if key not in outer}

    def _moments(self, frames: Any) -> list[Moment]:
        chooser = self.jobs.get(getattr(frames, "uuid", ""))
        if chooser is None or function_name(chooser) != "select_frames":
            return []
        asked = arguments_of(chooser)
        run = self.jobs.get(getattr(asked["trajectory_id"], "uuid", ""))
        told = arguments_of(run) if run else {"regime": None, "dynamics": {"timestep_fs": 1.0}}
        regime, uuid = str(told["regime"]), chooser.uuid
        steps = [asked["discard"] + asked["stride"] * (n + 1) for n in range(asked["count"])]
        step_fs = told["dynamics"]["timestep_fs"]
        return [
            Moment(f"{uuid} {s}", f"{uuid} {s}", regime, uuid, (s - 1) * step_fs) for s in steps
        ]

    def _sizes(
        self, structure: Structure | None, recipes: list[dict[str, Any]]
    ) -> tuple[Sizes, ...]:
        if structure is None:
            return ()
        cell, n_atoms = structure.cell, len(structure.numbers)
        found = [calculation_sizes(structure.element, n_atoms, cell, one) for one in recipes]
        return tuple(sorted(found, key=lambda one: prod(one.values())))

    def _structure(self, job: Job) -> Structure | None:
        """Build the structure that the nearest job before this one will build."""
        seen, waiting = {job.uuid}, deque([job])
        while waiting:
            one = waiting.popleft()
            if function_name(one) == "build_structure":
                return self._build(one)
            for uuid in sorted(set(one.input_uuids) - seen):
                seen.add(uuid)
                if uuid in self.jobs:
                    waiting.append(self.jobs[uuid])
        return None

    def _build(self, job: Job) -> Structure | None:
        if job.uuid not in self.cells:
            self.cells[job.uuid] = self.makers.structure(**arguments_of(job))
        return self.cells[job.uuid]
