"""What a run of VASP was, in the words of recipes and dynamics."""

from dataclasses import replace

import numpy as np
import pytest
from vasprun_text import GAMMA, Run

from tm23flows.engines.vasp.header import read_header
from tm23flows.engines.vasp.past_runs import NOSE_ENSEMBLE, dynamics_of, plain, recipe_of
from tm23flows.errors import InputError

TWO = [np.zeros((3, 3)), np.full((3, 3), 0.01)]


@pytest.fixture
def header(tmp_path):
    """A function that reads the header of a made run, with other parameters."""

    def make(incar=None, run=None, **parameters):
        path = tmp_path / "vasprun.xml"
        path.write_text((run or Run()).text)
        read = read_header(path)
        return replace(
            read,
            parameters={**read.parameters, **parameters},
            incar={**read.incar, **(incar or {})},
        )

    return make


def test_the_recipe_of_a_made_run(header):
    recipe = recipe_of(header(run=Run(extra_electrons=0.5)), "x")
    assert (recipe.engine, recipe.xc, recipe.cutoff_eV) == ("vasp", "PBE", 300.0)
    assert (recipe.kmesh, recipe.kmesh_offset) == ((1, 1, 1), (0.0, 0.0, 0.0))
    assert (recipe.smearing, recipe.smearing_order) == ("methfessel-paxton", 1)
    assert (recipe.sigma_eV, recipe.electron_shift) == (0.2, 0.5)
    assert not recipe.spin_polarized
    assert recipe.pseudopotentials == {"Cu": "PAW_PBE Cu 22Jun2005"}
    assert recipe.options == {"incar": {"LREAL": False, "PREC": "Normal"}}


@pytest.mark.parametrize(
    ("part", "smearing", "order", "xc"),
    [
        ("etest2", "methfessel-paxton", 1, "revPBE"),
        ("etest4", "methfessel-paxton", 1, "PBE"),
        ("vasprun.md", "methfessel-paxton", 0, "PBE"),
        ("charged", "tetrahedron-bloechl", 0, "PBE"),
        ("Si_molecular", "methfessel-paxton", 0, "PBEsol"),
        ("Au_bulk", "methfessel-paxton", 0, "RPBE"),
    ],
)
def test_real_runs_are_not_taken_for_something_else(real_vasprun, part, smearing, order, xc):
    recipe = recipe_of(read_header(real_vasprun(part)), part)
    assert (recipe.smearing, recipe.smearing_order, recipe.xc) == (smearing, order, xc)
    assert recipe.electron_shift == (1.0 if part == "charged" else 0.0)


def test_fermi_smearing_has_its_name(header):
    assert recipe_of(header(ISMEAR=-1), "x").smearing == "fermi-dirac"


def test_what_changes_numbers_makes_another_recipe(header):
    base = recipe_of(header(), "x").id
    for tag in ({"LREAL": "Auto"}, {"IVDW": 12}, {"ADDGRID": True}, {"ISYM": 0}):
        assert recipe_of(header(tag), "x").id != base
    for more in ({"LHFCALC": True}, {"GGA": "PS"}, {"METAGGA": "SCAN"}, {"PREC": "accura"}):
        assert recipe_of(header(**more), "x").id != base
    # How it got there, which files were written, and how atoms moved, change none.
    for tag in ({"ALGO": "Fast"}, {"NELM": 200}, {"LWAVE": False}, {"POTIM": 1.0}, {"KPAR": 2}):
        assert recipe_of(header(tag), "x").id == base


def test_functionals(header):
    assert recipe_of(header(GGA="PE", LHFCALC=True), "x").xc == "PBE with exact exchange"
    assert recipe_of(header(METAGGA="R2SCAN"), "x").xc == "R2SCAN"
    assert recipe_of(header(METAGGA="--"), "x").xc == "PBE"
    unknown = replace(header(), potcar_titles={})
    with pytest.raises(InputError, match="which functional"):
        recipe_of(unknown, "x")


def test_precision_of_vasp_5_and_6_is_one(header):
    words = ("accura", "Accurate", "accurate")
    found = {recipe_of(header(PREC=word), "x").options["incar"]["PREC"] for word in words}
    assert found == {"Accurate"}


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"ISMEAR": -2}, "ISMEAR = -2, which a recipe cannot say"),
        ({"ISMEAR": None}, "ISMEAR = None"),
        ({"ENMAX": None}, "does not say which ENCUT"),
        ({"SIGMA": 0.0}, "does not say which SIGMA"),
    ],
)
def test_what_a_recipe_cannot_say_is_refused(header, parameters, sentence):
    with pytest.raises(InputError, match=f"^some.xml .*{sentence}"):
        recipe_of(header(**parameters), "some.xml")


def test_points_that_are_no_mesh_are_refused(header):
    listed = Run(points=GAMMA + GAMMA.replace("0.00000000 </v>", "0.30000000 </v>"))
    with pytest.raises(InputError, match="no mesh"):
        recipe_of(header(run=listed), "x")


def test_electrons_that_cannot_be_counted_are_refused(header):
    unknown = replace(header(), neutral_electrons=np.nan)
    assert recipe_of(unknown, "x").electron_shift == 0.0
    with pytest.raises(InputError, match="what neutral would be"):
        recipe_of(replace(unknown, incar={"NELECT": 34.0}), "x")


def test_the_dynamics_of_a_made_run(header):
    dynamics, why_not = dynamics_of(header(), TWO)
    assert why_not == ""
    assert (dynamics.ensemble, dynamics.temperature_K) == (NOSE_ENSEMBLE, 300.0)
    assert (dynamics.timestep_fs, dynamics.damping_fs) == (5.0, 200.0)
    again, _ = dynamics_of(header(), TWO)
    other, _ = dynamics_of(header(), [TWO[0], TWO[1] + 1e-7])
    assert again == dynamics
    assert other.seed != dynamics.seed


def test_the_ensemble_is_the_one_of_our_engine():
    from tm23flows.engines.vasp.engine import ENSEMBLE

    assert ENSEMBLE == NOSE_ENSEMBLE


@pytest.mark.parametrize("part", ["Si_molecular", "molecular_dynamics_1", "Si_mp_morph"])
def test_the_period_follows_from_the_mass_that_vasp_wrote(real_vasprun, part):
    # SMASS=0 in these files means 40 steps, and they say which mass that was.
    read = read_header(real_vasprun(part))
    assert read.incar["SMASS"] == 0
    without = replace(read, incar={})
    dynamics, _ = dynamics_of(without, TWO)
    assert dynamics.damping_fs == pytest.approx(40 * read.parameters["POTIM"], rel=1e-4)
    assert dynamics_of(read, TWO)[0].damping_fs == 40 * read.parameters["POTIM"]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"IBRION": 2}, "no molecular dynamics"),
        ({"TEEND": 900.0}, "goes from 300.0 K to 900.0 K"),
        ({"ISIF": 3}, "its cell moves"),
        ({"SMASS": -3.0}, "not that of Nose"),
        ({"MDALGO": 3}, "not that of Nose"),
        ({"TEBEG": None, "TEEND": None}, "temperature is not known"),
        ({"POTIM": 0.0}, "time step is not known"),
    ],
)
def test_what_a_trajectory_cannot_say(header, parameters, sentence):
    dynamics, why_not = dynamics_of(header(**parameters), TWO)
    assert dynamics is None
    assert sentence in why_not
    assert dynamics_of(header(), TWO[:1])[1] == "it has fewer than two steps"


def test_settings_become_json():
    assert plain({"a": [1.0, np.nan], "b": np.inf, "c": "x"}) == {
        "a": [1.0, None],
        "b": None,
        "c": "x",
    }
