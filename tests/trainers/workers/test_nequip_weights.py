"""Table 2 of the paper, and what NequIP's own network has more or less, term by term."""

from __future__ import annotations

import pytest

from tm23flows.trainers.nequip import NequipTrainer, paper_network

pytestmark = [pytest.mark.nequip, pytest.mark.slow]

# number of radial functions by metal, and the weights for l_max 0, 1, ... (Owen et al. 2024, Table 2)
N_BESSEL = {"Cu": 8, "Ti": 8, "Au": 10, "Os": 10}
TABLE = {
    "Cu": (75832, 136760, 141624, 134456),
    "Ti": (75832, 136760, 141624, 134456),
    "Au": (76346, 137274, 142138, 134970, 122234, 106974),
    "Os": (76346, 137274, 142138, 134970, 122234, 106974),
}
WIDTH, TYPE_FEATURES, READOUT = 64, 32, 16
MORE = 10  # radial functions of the networks that are compared


@pytest.fixture(scope="module")
def counts(tmp_path_factory, _session_settings) -> dict:
    """Weights by module for (network, number of radial functions, l_max)."""
    keys = [("paper", N_BESSEL[m], order) for m in ("Cu", "Au") for order in range(len(TABLE[m]))]
    keys += [("current", MORE, order) for order in range(len(TABLE["Au"]))]
    trainer = NequipTrainer()
    settings = [
        trainer.hyperparameters(**paper_network(order, n_bessel) | {"network": network})
        for network, n_bessel, order in keys
    ]
    made = trainer.count_weights(settings, [29], tmp_path_factory.mktemp("weights"))
    return dict(zip(keys, made, strict=True))


@pytest.mark.parametrize("metal", TABLE)
def test_the_paper_s_networks_have_the_paper_s_weights(counts, metal):
    orders = range(len(TABLE[metal]))
    found = tuple(sum(counts["paper", N_BESSEL[metal], order].values()) for order in orders)
    assert found == TABLE[metal]


def test_every_difference_to_the_current_network_has_its_reason(counts):
    radial = WIDTH * (MORE + WIDTH)  # of each layer, before its last matrix
    for l_max in range(len(TABLE["Au"])):
        features = paper_network(l_max)["n_features"]
        ours, paper = dict(counts["current", MORE, l_max]), dict(counts["paper", MORE, l_max])
        # the basis is fixed and not trained; one readout matrix and not two
        assert paper.pop("bessel_encode") == MORE
        assert paper.pop("readout_hidden") + paper.pop("readout") == READOUT * (features + 1)
        assert ours.pop("per_atom_energy_readout") == features
        # types are embedded in as many features as the layers have
        assert (paper.pop("type_embed"), ours.pop("type_embed")) == (TYPE_FEATURES, features)
        # so the first layer, which gets them, is as much wider or narrower
        assert (paper.pop("layer0.linear_1"), ours.pop("layer0.linear_1")) == (
            TYPE_FEATURES**2,
            features**2,
        )
        for name, plus in (("edge_mlp", radial), ("linear_2", 0)):
            was, now = paper.pop(f"layer0.{name}") - plus, ours.pop(f"layer0.{name}") - plus
            assert was * features == now * TYPE_FEATURES > 0
        # and has no self-connection; those of the others see all features of the type, not one
        assert paper.pop("layer0.sc") > 0
        for layer in (1, 2):
            assert ours.pop(f"layer{layer}.sc") == features * paper.pop(f"layer{layer}.sc")
        # the last layer makes only what the readout reads: one path from each order, to 0e
        assert paper.pop("layer3.sc") * features >= ours.pop("layer3.sc") == features**3
        last = {"edge_mlp": radial + WIDTH * features * (l_max + 1)}
        last["linear_2"] = features**2 * (l_max + 1)
        for name, wanted in last.items():
            assert paper.pop(f"layer3.{name}") >= ours.pop(f"layer3.{name}") == wanted
        # all else is the same
        assert ours == paper
