"""Published numbers: where they come from is said, and how sure they are."""

import pytest

from tm23flows.errors import InputError
from tm23flows.science.metals import METALS
from tm23flows.science.published import published

SETS = (
    "force_percent", "cold_to_warm_force_percent", "cold_to_melt_force_percent",
    "os_c_lattice_A", "training_cost",
)  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_every_set_says_where_it_is_from(name):
    found = published(name)
    assert found.values
    assert found.confidence.split(";")[0] in {"high", "low to medium", "low", "very low"}
    assert found.figure.startswith(("Fig.", "Table"))


def test_force_errors_are_of_metals_of_the_article():
    for name in SETS[:3]:
        assert set(published(name).values) <= set(METALS)
    # of the late metals no number can be read
    assert not {"Cu", "Ag", "Au", "Zn"} & set(published("force_percent").values)


def test_the_cost_is_there_for_all_metals():
    rows = published("training_cost").values
    assert set(rows) == set(METALS)
    assert {row["nequip_weights"] for row in rows.values()} == {265580, 612744}


def test_an_unknown_set_is_refused():
    with pytest.raises(InputError, match="Nothing is published"):
        published("energy_percent")
