from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys

import pytest

from tm23flows.trainers.allegro import AllegroHyperparameters
from tm23flows.trainers.nequip_framework import FrameworkHyperparameters

pytestmark = pytest.mark.nequip

SHARED = set(FrameworkHyperparameters.model_fields) - {"cutoff_A", "precision"}


@pytest.fixture
def model_config(worker_path):
    return importlib.import_module("allegro_worker").model_config


def values(config: dict) -> list:
    flat = {**config, **config["radial_chemical_embed"]}
    return [value for value in flat.values() if not isinstance(value, dict)]


def test_every_hyperparameter_of_the_network_reaches_it(model_config):
    numbers = (name for name in AllegroHyperparameters.model_fields if name not in SHARED)
    plain = AllegroHyperparameters().model_dump()
    before = model_config(plain, ["Cu"], 7)
    for name in numbers:
        other = {"parity": False, "precision": "float64"}.get(name, 6)
        assert plain[name] != other
        after = model_config({**plain, name: other}, ["Cu"], 7)
        changed = [
            (old, new) for old, new in zip(values(before), values(after), strict=True) if old != new
        ]
        assert changed == [(plain[name], other)], name


def test_allegro_knows_every_name(model_config):
    from allegro.model import allegro_models
    from allegro.nn import TwoBodyBesselScalarEmbed

    config = model_config(AllegroHyperparameters().model_dump(), ["Cu"], 7)
    known = {"_target_", "seed", "model_dtype"}  # NequIP's builder takes these itself
    for builder in (allegro_models.AllegroModel, allegro_models.FullAllegroModel):
        known |= set(inspect.signature(inspect.unwrap(builder)).parameters)
    assert set(config) <= known
    embed = inspect.signature(TwoBodyBesselScalarEmbed).parameters
    assert set(config["radial_chemical_embed"]) - {"_target_"} <= set(embed)


COUNT = """
import json, sys
from hydra.utils import get_method
from nequip.utils.global_state import set_global_state
set_global_state()
for config in json.load(sys.stdin):
    network = get_method(config.pop("_target_"))(**config)
    print(sum(weight.numel() for weight in network.parameters()))
"""


def test_the_network_is_built_with_its_sizes(model_config):
    """In a process of its own: NequIP changes the defaults of torch."""
    configs = []
    for changes in ({}, {"n_layers": 3}, {"n_tensor_features": 32}, {"l_max": 0}, {"l_max": 2}):
        settings = AllegroHyperparameters(**changes).model_dump()
        configs.append(model_config(settings, ["Cu", "Au"], 7))
        configs[-1] |= {"avg_num_neighbors": 12.0, "per_type_energy_scales": 1.0}
        configs[-1]["per_type_energy_shifts"] = {"Cu": -3.0, "Au": -4.0}
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        input=json.dumps(configs),
        capture_output=True,
        text=True,
        check=True,
    )
    plain, layers, features, scalar, higher = map(int, done.stdout.split()[-5:])
    assert scalar < plain < min(layers, features, higher)
