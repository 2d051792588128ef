"""The Maker of grid searches: wired, run in pieces, and run again after a failure."""

import json

import pytest
from jobflow import JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, TrainingError
from tm23flows.flows.grid_search import GRIDS, GridSearchMaker, default_grid
from tm23flows.ops.audit.invariants import audit
from tm23flows.trainers.base import get_trainer
from tm23flows.trainers.flare import FlareTrainer

SMALL = {"starts": 1, "max_iterations": 3, "environments_per_frame": 1, "cutoff_A": 3.5}
GRID = {"nmax": [3, 4], "lmax": [0, 1]}


def maker(**fields):
    return GridSearchMaker(**{"grid": GRID, "hyperparameters": SMALL, **fields})


def test_jobs_have_names_and_workers(jobs_of):
    size = [{"l_max": 1, "n_features": 32}, {"l_max": 2, "n_features": 16}]
    flow = GridSearchMaker(trainer="nequip", grid={"size": size}, seed=3).make("id", "Cu")
    jobs = jobs_of(flow)
    assert [job.name for job in jobs] == [
        "Cu nequip model l_max=1 n_features=32",
        "Cu nequip evaluation l_max=1 n_features=32",
        "Cu nequip model l_max=2 n_features=16",
        "Cu nequip evaluation l_max=2 n_features=16",
        "Cu nequip grid search",
    ]
    kinds = [job.config.manager_config["_category"] for job in jobs]
    assert kinds == ["train-gpu"] * 4 + ["analyse"]
    assert jobs[2].function_args == ("id", "nequip", size[1], 3, "train")
    assert jobs[3].function_args[0].uuid == jobs[2].uuid
    assert flow.output.uuid == jobs[-1].uuid


def test_the_choice_waits_for_all_points_and_survives_failed_ones():
    workflow = flow_to_workflow(maker().make("id", "Cu"))
    by_name = {one.name: one for one in workflow.fws}
    verdict = by_name["Cu flare grid search"]
    parents = [parent for parent, children in workflow.links.items() if verdict.fw_id in children]
    assert len(parents) == 8
    for name, firework in by_name.items():
        # An evaluation that waited behind a failed training would keep the choice waiting.
        assert bool(firework.spec.get("_allow_fizzled_parents")) == (" model " not in name)


def test_it_survives_its_document(jobs_of):
    one = maker(points=[{"nmax": 4}], seed=2)
    back = json.loads(one.to_json(), cls=MontyDecoder)
    assert back == one
    both = [jobs_of(each.make("id", "Cu")) for each in (one, back)]
    assert [job.name for job in both[0]] == [job.name for job in both[1]]


@pytest.mark.parametrize("trainer", GRIDS)
def test_the_grids_that_are_offered_are_taken(trainer):
    points = GridSearchMaker(trainer=trainer).candidates()
    assert len(points) == 36
    complete = [get_trainer(trainer).hyperparameters(**one).model_dump_json() for one in points]
    assert len(set(complete)) == len(points)


def test_what_is_fixed_is_not_on_the_grid_that_is_offered():
    assert set(default_grid("flare", {})) == {"cutoff_A", "nmax", "lmax"}
    assert set(default_grid("flare", {"nmax": 8})) == {"cutoff_A", "lmax"}
    assert set(default_grid("flare", {"descriptor": "B1"})) == {"cutoff_A", "nmax"}
    assert "size" not in default_grid("nequip", {"n_features": 8})
    with pytest.raises(InputError, match="No grid is offered for the trainer 'mace'"):
        default_grid("mace", {})


def test_values_are_those_of_the_trainer():
    assert maker(grid={"nmax": ["3", 4.0, 3], "gtol": [1]}).candidates() == [
        {"nmax": 3, "gtol": 1.0},
        {"nmax": 4, "gtol": 1.0},
    ]


def test_what_a_command_line_fixes_is_the_same_search(jobs_of):
    words = {name: str(value) for name, value in SMALL.items()}
    ours, theirs = (jobs_of(maker(hyperparameters=one).make("id", "Cu")) for one in (SMALL, words))
    assert ours[-1].function_args[0] == theirs[-1].function_args[0]
    assert ours[0].function_args == theirs[0].function_args


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"trainer": "mace"}, "no trainer 'mace'"),
        ({"grid": {"colour": [1]}}, "no hyperparameter 'colour'"),
        ({"grid": {"nmax": [3, 0]}}, "'nmax' is wrong"),
        ({"grid": {"cutoff_A": [3.0]}}, "'cutoff_A' is both fixed and on the grid"),
        ({"points": [{"nmax": 5}]}, "No point of the grid has nmax=5"),
        ({"energy_reference": "zero"}, "energy reference"),
        ({"hyperparameters": {"colour": 1}}, "no hyperparameter 'colour'"),
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(fields, why):
    with pytest.raises(InputError, match=why):
        maker(**fields).make("id", "Cu")


@pytest.fixture
def dataset_id(emt_copy):
    return emt_copy.dataset("Cu-demo").id


def run(flow):
    """Run to the end, whatever fails on the way; return what the last job made."""
    responses = run_locally(flow, store=JobStore(MemoryStore()), log=False)
    done = responses.get(flow.jobs[-1].uuid)
    return None if done is None else done[1].output


def trainings(archive):
    """How often anything was trained, by the state in which it ended."""
    found = list(archive.database["trainings"].find())
    return sum(one["attempts"] for one in found), sorted(one["state"] for one in found)


@pytest.fixture
def out_of_memory(monkeypatch):
    """Let FLARE fail at some values of nmax."""
    failing, whole = set(), FlareTrainer.train

    def train(self, dataset_dir, hyperparameters, *rest, **more):
        if hyperparameters.nmax in failing:
            raise TrainingError("It wants 90 GB.", reason="out_of_memory")
        return whole(self, dataset_dir, hyperparameters, *rest, **more)

    monkeypatch.setattr(FlareTrainer, "train", train)
    return failing


def test_a_grid_runs_in_pieces_and_goes_on_after_a_failure(emt_copy, dataset_id, out_of_memory):
    out_of_memory.add(4)
    out = run(maker(points=[{"lmax": 1}]).make(dataset_id, "Cu"))
    part = emt_copy.get(GridSearch, out["grid_id"])
    assert [row.point for row in part.rows] == [{"nmax": 3, "lmax": 1}, {"nmax": 4, "lmax": 1}]
    assert part.rows[1].failure == "out_of_memory: It wants 90 GB."
    assert (part.chosen, part.hyperparameters) == (0, {**SMALL, "nmax": 3, "lmax": 1})
    assert trainings(emt_copy) == (2, ["done", "failed"])
    assert audit(emt_copy).violations == []

    out_of_memory.clear()
    out = run(maker(points=[{"lmax": 1}]).make(dataset_id, "Cu"))
    again = emt_copy.get(GridSearch, out["grid_id"])
    assert again.rows[0] == part.rows[0]
    assert again.failed == ()
    assert trainings(emt_copy) == (3, ["done", "done"])  # only what had failed

    out = run(maker(grid={"lmax": [0, 1], "nmax": [4, 3]}).make(dataset_id, "Cu"))
    whole = emt_copy.get(GridSearch, out["grid_id"])
    assert len(whole.rows) == 4
    assert trainings(emt_copy) == (5, ["done"] * 4)  # the two that no piece had
    by_point = {str(sorted(row.point.items())): row for row in whole.rows}
    for row in again.rows:
        assert by_point[str(sorted(row.point.items()))] == row
    assert whole.best.force_mae_eV_per_A == min(row.force_mae_eV_per_A for row in whole.rows)
    likelihoods = [row.log_likelihood for row in whole.rows]
    assert likelihoods[whole.by_likelihood] == max(likelihoods)
    model = emt_copy.get(Model, whole.best.model_id)
    assert model.hyperparameters["nmax"] == whole.hyperparameters["nmax"]
    assert audit(emt_copy).violations == []
    assert emt_copy.trace(whole.id).complete


def test_a_search_in_which_everything_fails_is_stored_and_says_why(
    emt_copy, dataset_id, out_of_memory, run_flow
):
    out_of_memory.update((3, 4))
    one = maker(points=[{"lmax": 1}])
    assert run(one.make(dataset_id, "Cu")) is None
    stored = emt_copy.database["grid_searches"].find_one()
    assert stored["chosen"] is None
    with pytest.raises(TrainingError, match="It wants 90 GB"):
        run_flow(one.make(dataset_id, "Cu"))
