from __future__ import annotations

import pytest

from tm23flows.trainers.allegro import AllegroTrainer
from tm23flows.trainers.nequip import NequipTrainer
from tm23flows.trainers.workers import nequip_config
from tm23flows.trainers.workers.nequip_targets import TARGETS, _targets, strange_targets


@pytest.fixture
def configurations(worker_path):
    """What each kind of training puts into its checkpoint."""
    import allegro_worker
    import nequip_worker

    kinds = [
        (NequipTrainer(), nequip_worker, {}),
        (NequipTrainer(), nequip_worker, {"network": "paper", "ema_decay": 0}),
        (AllegroTrainer(), allegro_worker, {}),
    ]
    found = []
    for trainer, worker, overrides in kinds:
        settings = trainer.hyperparameters(**overrides).model_dump()
        model = worker.model_config(settings, ["Cu"], 0)
        found.append(nequip_config.make_config(settings, ["Cu"], 0, worker_path, model))
    return found


def test_the_list_is_what_our_trainers_name_and_no_more(configurations):
    assert all(strange_targets(one) == [] for one in configurations)
    assert set(_targets(configurations)) == TARGETS


def test_a_name_of_anything_else_is_found_wherever_it_is():
    deep = {"a": [{"b": ({"_target_": "os.system"}, 1.0)}, {"_target_": "torch.optim.Adam"}]}
    assert strange_targets(deep) == ["os.system"]
    assert strange_targets({"_target_": "torch.load", "c": {"_target_": "os.mkdir"}}) == [
        "os.mkdir", "torch.load",
    ]  # fmt: skip
    # a beginning that is ours does not make it ours
    package = {"_target_": "nequip.model.ModelFromPackage", "package_path": "x"}
    assert strange_targets([package]) == ["nequip.model.ModelFromPackage"]
    assert strange_targets({"_target_": ["os.system"]}) == ["['os.system']"]
