import warnings

import pytest

from tm23flows.errors import InputError
from tm23flows.science.metals import METALS, metal
from tm23flows.testing.vasp_simulator.potcar import SEMI_CORE, make_potcar, read_potcars
from tm23flows.testing.vasp_simulator.potential import Gupta

GUPTA = Gupta(0.1 + 1e-15, 1.25, 2.5)


def test_what_is_written_is_read():
    (copper,) = read_potcars(make_potcar("Cu", "_pv", GUPTA))
    assert copper.gupta == GUPTA
    assert (copper.element, copper.valence) == ("Cu", 17.0)
    assert copper.title == "PAW_PBE Cu_pv 01Jan2000"
    assert copper.mass_u == pytest.approx(63.546)
    assert 200 < copper.enmax_eV < 400


def test_several_datasets():
    text = make_potcar("Cu", "", GUPTA) + make_potcar("Au", "", GUPTA)
    assert [potcar.element for potcar in read_potcars(text)] == ["Cu", "Au"]


@pytest.mark.parametrize("symbol", METALS)
def test_pymatgen_reads_every_metal_under_its_title(symbol):
    from pymatgen.io.vasp import PotcarSingle

    title = metal(symbol).potcar_title
    variant = title.removeprefix(symbol)
    assert variant in SEMI_CORE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        single = PotcarSingle(make_potcar(symbol, variant, GUPTA))
    (ours,) = read_potcars(make_potcar(symbol, variant, GUPTA))
    assert (single.symbol, single.element) == (title, symbol)
    assert (single.zval, single.enmax) == (ours.valence, ours.enmax_eV)
    assert single.functional == "PBE"


def test_it_says_that_it_is_no_data_of_vasp():
    assert "contains no data of VASP" in make_potcar("Hg", "", GUPTA)


def test_foreign_files_are_refused():
    text = make_potcar("Cu", "", GUPTA).replace("simulator =", "local part")
    with pytest.raises(InputError, match="only those that it has installed"):
        read_potcars(text)
