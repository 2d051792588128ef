from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.errors import InputError
from tm23flows.trainers import flare_cost
from tm23flows.trainers.flare import FlareTrainer
from tm23flows.trainers.flare_cost import (
    Cost,
    available_bytes,
    check_memory,
    descriptor_dimension,
    predict_cost,
)

PAPER = {140: (7, 4), 220: (10, 3), 225: (9, 4), 270: (9, 5), 765: (17, 4)}


@pytest.mark.parametrize(("dimension", "sizes"), PAPER.items())
@pytest.mark.flare
def test_dimensions_are_those_of_the_paper_and_of_flare(dimension, sizes, flare_module):
    assert descriptor_dimension(*sizes) == dimension
    assert real_dimension(flare_module, *sizes, 1) == dimension


@pytest.mark.flare
def test_dimensions_of_several_elements_are_those_of_flare(flare_module):
    for n_species in (2, 3):
        found = real_dimension(flare_module, 3, 2, n_species)
        assert descriptor_dimension(3, 2, n_species) == found
    assert descriptor_dimension(9, 4, 2, descriptor="B1") == 18


def real_dimension(flare_module, nmax: int, lmax: int, n_species: int) -> int:
    module = flare_module("flare_frame")
    settings = {"descriptor": "B2", "nmax": nmax, "lmax": lmax, "cutoff_A": 3.0}
    descriptor = module.make_descriptor(settings, n_species)
    elements = [29, 47, 79][:n_species]
    return module.look_at(bulk("Cu"), descriptor, elements, 3.0).n_descriptors


def settings(**overrides) -> dict:
    return FlareTrainer().hyperparameters(**overrides).model_dump()


def test_the_sparse_set_is_bounded_by_frames_limit_and_rank():
    frames = [bulk("Cu").repeat((2, 2, 2))] * 10
    assert predict_cost(frames, settings(), 1).n_environments == 40
    assert predict_cost(frames, settings(environments_per_frame=20), 1).n_environments == 80
    assert predict_cost(frames, settings(max_environments=7), 1).n_environments == 7
    small = settings(nmax=2, lmax=1, power=1)
    assert predict_cost(frames, small, 1).n_environments == 6
    assert predict_cost(frames, small | {"power": 2}, 1).n_environments == 21


def test_costs_grow_with_what_they_depend_on():
    frames = [bulk("Cu").repeat((2, 2, 2))] * 10
    base = predict_cost(frames, settings(), 1)
    for more in (
        predict_cost(frames * 20, settings(), 1),
        predict_cost(frames, settings(nmax=30), 1),
        predict_cost(frames, settings(cutoff_A=12.0), 1),
        predict_cost([frames[0].repeat(4)] * 10, settings(), 1),
    ):
        assert more.bytes > 1.05 * base.bytes
    assert predict_cost(frames * 20, settings(), 1).add_s > base.add_s


def test_long_descriptors_of_many_environments_take_memory():
    """Of three elements, where one environment has thousands of components."""
    frames = [bulk("Cu").repeat((2, 2, 2)) for _ in range(1000)]
    for atoms in frames:
        atoms.numbers[:2] = 47, 79
    few, many = (
        predict_cost(frames, settings(nmax=17, max_environments=m), 1) for m in (1000, 2000)
    )
    d = descriptor_dimension(17, 4, 3)
    assert many.bytes - few.bytes > 8 * (9 * 3e6 + 2.5 * d * 1000)


def test_what_does_not_fit_is_refused_with_the_way_out():
    cost = Cost(10800, 8.6e9, 1.0, 1.0, 1.0)
    check_memory(cost, 8.7e9)
    with pytest.raises(InputError, match=r"8\.6 GB for 10800 .* 4\.0 GB are free: use fewer"):
        check_memory(cost, 4e9)


def test_a_training_that_cannot_fit_never_starts(dataset_dir, tmp_path):
    trainer = FlareTrainer()
    with pytest.raises(InputError, match="FLARE would need up to"):
        trainer.train(dataset_dir, trainer.hyperparameters(nmax=20000), tmp_path / "work", 0)
    assert not (tmp_path / "work").exists()


def test_the_limit_of_the_cgroup_counts(tmp_path, monkeypatch):
    free = available_bytes()
    assert 0 < free < np.inf
    for name, content in [("max", "3000000"), ("now", "1000000"), ("none", "max")]:
        (tmp_path / name).write_text(content)
    groups = ((str(tmp_path / "max"), str(tmp_path / "now")), ("/no/such/file", "/nor/this"))
    monkeypatch.setattr(flare_cost, "_CGROUPS", groups)
    assert available_bytes() == 2e6
    monkeypatch.setattr(flare_cost, "_CGROUPS", ((str(tmp_path / "none"), str(tmp_path / "now")),))
    assert available_bytes() > 2e6


MEASURE = """
import json, resource, sys
from pathlib import Path
from tm23flows.trainers.flare import FlareTrainer
trainer = FlareTrainer()
settings = trainer.hyperparameters(nmax=20, lmax=6, cutoff_A=7.0, starts=1, max_iterations=3)
result = trainer.train(Path(sys.argv[1]), settings, Path(sys.argv[2]), 0)
peak = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([peak, result.summary["predicted_bytes"]]))
"""


@pytest.mark.flare
def test_the_memory_predicted_is_enough_and_not_far_off(dataset_dir, tmp_path):
    """Large descriptors, so that most of the memory is not Python's."""
    command = [sys.executable, "-c", MEASURE, str(dataset_dir), str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, predicted = json.loads(done.stdout)
    assert peak > 0.4e9
    assert peak < predicted < 2.5 * peak
