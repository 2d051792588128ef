"""Costs of a workflow: sums of what is known, and never a guess for what is not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from cost_kit import tasks_of

from tm23flows.flows.scales import make_tm23
from tm23flows.ops.cost.forecast import forecast
from tm23flows.ops.cost.knowledge import Knowledge, learn
from tm23flows.ops.cost.measured import Measured
from tm23flows.ops.cost.measured_work import measured_work
from tm23flows.ops.cost.storage import Bytes
from tm23flows.ops.cost.work import LABEL, PREDICTION, STEP, Kind, training_kind
from tm23flows.science.run_costs import LEVEL, Run, fit_costs
from tm23flows.trainers.base import get_trainer


def measured(kind, metal, core_s, cores=1, memory_bytes=None, **sizes):
    row = Measured(kind, metal, {name: float(size) for name, size in sizes.items()})
    row.units = row.known = 100
    row.core_s, row.cores, row.memory_bytes = 100 * core_s, cores, memory_bytes
    return row


PLANE = {"atoms": 31, "electrons": 527, "plane_waves": 12_000}
VASP = [
    measured(Kind("vasp", STEP), "Cu", 40.0, 16, 8e9, **PLANE, k_points=1),
    measured(Kind("vasp", LABEL), "Cu", 400.0, 32, 2e10, **PLANE, k_points=14),
]


def without_models(metal="Os", scale="paper", engine="vasp"):
    maker = make_tm23(metal, scale, engine)
    maker.models = ()
    return tasks_of(maker.make(metal))


def sum_of(found, stage, metal="all"):
    return next(one for one in found.sums if (one.metal, one.stage) == (metal, stage))


def test_nothing_measured_is_no_time_and_still_counts_and_bytes():
    found = forecast(without_models(), Knowledge(), workers=4, cores=None)
    assert found.total.core_s is None
    assert not found.total.complete
    assert found.wall_s is None
    assert sum_of(found, "aimd").jobs == 3
    assert found.total.database_bytes > 33_000 * 72 * 35
    assert found.unknown == [
        "no vasp step was measured yet: run one metal first",
        "no vasp label was measured yet: run one metal first",
    ]


def test_one_measured_metal_is_enough():
    found = forecast(without_models(), learn(VASP), workers=4, cores=None)
    steps = sum_of(found, "aimd").core_s
    law = fit_costs(Kind("vasp", STEP).law, [Run("Cu", VASP[0].sizes, 40.0)])
    (row,) = [row for row in found.rows if row.work == "vasp step"]
    (sizes,) = next(t for t in without_models() if t.stage == "aimd").work[0].sizes
    assert row.units == 33_000
    assert row.core_s == steps
    assert steps.value == pytest.approx(33_000 * law.estimate("Os", sizes).value)
    assert steps.low < steps.value < steps.high
    assert found.total.complete
    assert found.unknown == []
    assert found.total.core_s.value > steps.value
    assert found.total.memory_bytes.value > 2e10  # a denser mesh than the measured one may come


def test_the_memory_is_that_of_the_largest_job_wherever_it_stands():
    run = next(task for task in without_models() if task.stage == "aimd")
    ends = []
    for order in ((1, 10), (10, 1)):
        sizes = [{name: n * size for name, size in PLANE.items()} | {"k_points": 1} for n in order]
        tasks = [replace(run, work=(replace(run.work[0], sizes=(one,)),)) for one in sizes]
        ends.append(forecast(_renumbered(tasks), learn(VASP), 1, None).total.memory_bytes)
    assert ends[0] == ends[1]
    assert ends[0].value > 3 * 8e9


def test_wall_time_follows_workers_and_cores():
    tasks, known = without_models(), learn(VASP)
    ends = [forecast(tasks, known, workers, None).wall_s.value for workers in (1, 3, 1000)]
    assert ends[0] > ends[1] > ends[2]
    found = forecast(tasks, known, 1000, None)
    assert found.wall_s == found.chain_s
    assert found.chain_s.value > found.rows[0].core_s.value / 3 / 16  # a run is serial
    one_core = forecast(tasks, known, 1, cores=1)
    # with one worker of one core, the wall time is all core time
    assert one_core.wall_s.value == pytest.approx(one_core.total.core_s.value, rel=0.02)
    assert ends[0] < one_core.wall_s.value / 10


def test_what_is_not_known_leaves_the_rest():
    tasks = tasks_of(make_tm23("Os", "paper", "vasp").make("Os"))
    found = forecast(tasks, learn(VASP), 1, None)
    assert not found.total.complete
    assert found.total.core_s.value > 0
    assert sum_of(found, "train-gpu").core_s is None
    assert sum_of(found, "aimd").complete
    assert "no flare training with these hyperparameters was measured yet: run one metal first" in (
        found.unknown
    )


def test_a_training_takes_no_longer_than_its_limit():
    settings = get_trainer("nequip").hyperparameters(max_epochs=300, max_wall_s=75.0)
    kind = training_kind("nequip", settings.model_dump(mode="json"))
    slow = [measured(kind, "Cu", 10.0, atoms=7, frames=18)]
    tasks = tasks_of(make_tm23("Cu", "demo", "emt").make("Cu"))
    found = forecast(tasks, learn(slow), 1, None)
    (row,) = [row for row in found.rows if row.work == "nequip epoch"]
    assert row.core_s.high <= 75.0


def test_metals_add_up_and_share_the_error_of_the_law():
    tasks = [*without_models("Os"), *without_models("Cu")]
    tasks = _renumbered(tasks)
    found = forecast(tasks, learn(VASP), 1, None)
    both = sum_of(found, "aimd").core_s
    single = [sum_of(found, "aimd", metal).core_s for metal in ("Cu", "Os")]
    assert both.value == pytest.approx(sum(one.value for one in single), rel=0.1)
    independent = np.sqrt(sum((one.high - one.value) ** 2 for one in single))
    assert both.high - both.value > independent
    assert found.sums[-1].metal == found.sums[-1].stage == "all"


def _renumbered(tasks):
    return [replace(task, number=number, parents=()) for number, task in enumerate(tasks)]


def test_the_demonstration_on_emt_costs_what_it_was_planned_to(emt_archive):
    rows = measured_work(emt_archive)
    found = forecast(without_models("Cu", "demo", "emt"), learn(rows), 1, None)
    for unit in (STEP, LABEL):
        (row,) = [row for row in found.rows if row.work == f"emt {unit}"]
        spent = sum(one.core_s for one in rows if one.kind == Kind("emt", unit))
        assert row.core_s.holds(spent)
    assert found.total.memory_bytes is not None


def test_it_is_json_and_what_is_kept_is_small():
    metals = [task for metal in ("Os", "Cu") for task in without_models(metal)]
    known = learn([*VASP, measured(Kind("flare", PREDICTION), "Cu", 1.0, atoms=31)], Bytes())
    found = forecast(_renumbered(metals), known, 2, 8)
    whole = json.loads(json.dumps(found.as_dict()))
    assert whole["level"] == LEVEL
    assert whole["sums"][-1]["core_s"]["value"] == found.total.core_s.value
    kept = json.loads(json.dumps(found.kept()))
    assert len(json.dumps(kept)) < 300 * len(found.rows)
    assert [row["units"] for row in kept["rows"]] == [row.units for row in found.rows]
