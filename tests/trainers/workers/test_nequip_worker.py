from __future__ import annotations

from tm23flows.trainers.nequip import NequipTrainer


def test_the_network_has_the_settings_the_seed_and_the_symbols(worker_path):
    from nequip_worker import model_config

    settings = NequipTrainer().hyperparameters(l_max=2, cutoff_A=4.5).model_dump()
    made = model_config(settings, ["Cu", "Au"], 5)
    assert (made["l_max"], made["r_max"], made["seed"]) == (2, 4.5, 5)
    assert made["type_names"] == ["Cu", "Au"]
