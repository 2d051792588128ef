"""The constants of the paper hang together."""

import json
from pathlib import Path

import pytest

from tm23flows.errors import InputError
from tm23flows.science import protocol
from tm23flows.science.metals import METALS
from tm23flows.science.protocol import Regime, temperature_K

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared/science/reference_values.json"


def test_copper_runs_at_a_quarter_three_quarters_and_five_quarters_of_melting():
    assert [temperature_K("Cu", regime) for regime in Regime] == [339.5, 1018.5, 1697.5]
    assert temperature_K("Cu", "melt") == 1697.5


def test_the_melting_temperature_can_be_overridden():
    assert temperature_K("Cu", "cold", melting_temperature_K=1000) == 250


@pytest.mark.parametrize("melting_K", [0, -5, float("nan"), float("inf")])
def test_a_senseless_melting_temperature_is_refused(melting_K):
    with pytest.raises(InputError, match="not positive"):
        temperature_K("Cu", "cold", melting_temperature_K=melting_K)


@pytest.mark.parametrize("regime", ["hot", "Cold", "", None])
def test_an_unknown_regime_is_refused(regime):
    with pytest.raises(InputError, match="cold, warm or melt"):
        temperature_K("Cu", regime)


def test_steps_and_times_of_the_article_agree():
    assert protocol.N_STEPS * protocol.TIMESTEP_FS == 55_000
    assert protocol.DISCARD_STEPS * protocol.TIMESTEP_FS == 5_000
    assert protocol.STRIDE_STEPS * protocol.TIMESTEP_FS == 50
    kept = (protocol.N_STEPS - protocol.DISCARD_STEPS) // protocol.STRIDE_STEPS
    assert kept == protocol.FRAMES_PER_TEMPERATURE
    assert len(METALS) * len(Regime) * kept == 81_000


def test_the_constants_agree_with_the_reference_table():
    if not REFERENCE.exists():
        pytest.skip(f"needs {REFERENCE.name} beside the repository")
    paper = json.loads(REFERENCE.read_text())["paper1"]
    table, splits = paper["protocol"], paper["splits"]
    assert [regime.factor for regime in Regime] == table["T_factors"]
    assert [str(regime) for regime in Regime] == table["T_labels"]
    assert table["timestep_fs"] == protocol.TIMESTEP_FS
    assert table["min_length_A"] == protocol.MIN_LENGTH_A
    assert table["ENCUT_eV"] == protocol.CUTOFF_EV
    assert table["sigma_eV"] == protocol.SIGMA_EV
    assert tuple(table["sigma_variants_eV"]) == protocol.SIGMA_VARIANTS_EV
    assert tuple(splits["learning_curve"]["n_train"]) == protocol.LEARNING_CURVE_SIZES
    assert splits["grid"] == {"train": protocol.GRID_TRAIN, "test": protocol.GRID_TEST}
    assert paper["flare"]["n_sparse_full"] == protocol.FLARE.n_sparse_full
    assert paper["flare"]["gtol"] == protocol.FLARE.gradient_tolerance
    assert paper["nequip"]["lr_stop"] == protocol.NEQUIP.stop_learning_rate
    features = {str(lmax): n for lmax, n in enumerate(protocol.NEQUIP.features_by_lmax)}
    assert features == paper["nequip"]["features_by_lmax"]
