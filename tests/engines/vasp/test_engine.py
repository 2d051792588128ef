"""The engine as jobs see it: recipes in, numbers and packs out."""

import numpy as np
import pytest
from atomate2.vasp.powerups import update_user_incar_settings
from engine_kit import DYNAMICS, MAKERS, RECIPE, copper_atoms, quick, vasp_engine
from pymatgen.io.vasp import Incar

from tm23flows.engines.base import Result, get_engine
from tm23flows.engines.vasp.packing import read_back
from tm23flows.errors import InputError, MissingDependencyError

pytestmark = pytest.mark.filterwarnings("ignore")


def labels(engine, seeds, recipe=RECIPE, **changes):
    recipe = engine.complete(recipe.model_copy(update=changes), ["Cu"])
    return list(engine.label((copper_atoms(seed) for seed in seeds), recipe))


def incar(folder, number=1):
    return Incar.from_file(folder / f"label-{number:04d}/INCAR")


def test_no_vasp_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_VASP_CMD", "no-such-program")
    with pytest.raises(MissingDependencyError, match="no-such-program"):
        get_engine("vasp", tmp_path)


def test_smearing_reaches_vasp_and_changes_the_numbers(vasp, tmp_path):
    engine = vasp_engine(tmp_path, "label")
    (narrow,) = labels(engine, [1])
    (wide,) = labels(engine, [1], sigma_eV=2.0)
    assert [incar(tmp_path, n)["SIGMA"] for n in (1, 2)] == [0.2, 2.0]
    entropy = [one.energies.without_entropy - one.energies.free for one in (narrow, wide)]
    assert entropy[1] > entropy[0] >= 0
    assert not np.allclose(narrow.forces, wide.forces, atol=1e-6)


def test_electrons_are_counted_from_the_neutral_atoms(vasp, tmp_path):
    engine = vasp_engine(tmp_path, "label")
    results = [labels(engine, [1], electron_shift=shift)[0] for shift in (0.0, -3.0, 2.0)]
    assert all(isinstance(one, Result) for one in results)
    assert "NELECT" not in incar(tmp_path, 1)
    from pymatgen.io.vasp import Potcar

    (dataset,) = Potcar.from_file(str(tmp_path / "label-0001/POTCAR"))
    assert incar(tmp_path, 2)["NELECT"] == 7 * dataset.zval - 3
    assert incar(tmp_path, 3)["NELECT"] == 7 * dataset.zval + 2
    energies = [one.energies.free for one in results]
    assert len(set(energies)) == 3


def test_users_settings_are_part_of_the_recipe_and_of_the_run(vasp, tmp_path):
    maker = quick(MAKERS["label"](), ENCUT=350, ALGO="All")
    engine = vasp_engine(tmp_path, "label", maker=maker)
    recipe = engine.complete(RECIPE, ["Cu"])
    assert recipe.cutoff_eV == 350.0
    assert recipe.options["incar"]["ALGO"] == "All"
    assert recipe.id != vasp_engine(tmp_path, "label").complete(RECIPE, ["Cu"]).id
    assert engine.complete(recipe, ["Cu"]) == recipe
    assert isinstance(labels(engine, [1], recipe)[0], Result)
    assert {tag: incar(tmp_path)[tag] for tag in ("ENCUT", "ALGO")} == {"ENCUT": 350, "ALGO": "All"}


def test_atomates_powerup_does_the_same(vasp, tmp_path):
    maker = update_user_incar_settings(quick(MAKERS["label"]()), {"ENCUT": 350})
    engine = vasp_engine(tmp_path, "label", maker=maker)
    assert engine.complete(RECIPE, ["Cu"]).cutoff_eV == 350.0


def test_inputs_and_versions_are_told(vasp, tmp_path):
    engine = vasp_engine(tmp_path, "label", maker=quick(MAKERS["label"](), NELM=77))
    told = engine.inputs(engine.complete(RECIPE, ["Cu"]))
    assert told["maker"] == "TM23StaticMaker"
    assert told["user_incar_settings"] == {"NELM": 77}
    assert told["incar"]["NELM"] == 77
    assert told["pseudopotentials"]["Cu"].startswith("PAW_PBE Cu")
    assert {"atomate2", "custodian", "pymatgen"} == set(engine.versions())


def test_labels_come_one_by_one_and_the_pack_has_all_runs(vasp, tmp_path):
    engine = vasp_engine(tmp_path, "label")
    recipe = engine.complete(RECIPE, ["Cu"])
    stream = engine.label((copper_atoms(seed) for seed in (1, 2)), recipe)
    next(stream)
    assert not (tmp_path / "label-0002").exists()
    next(stream)
    packed = engine.finish()
    assert read_back(packed.path) == packed.members
    assert {name.split("/")[0] for name in packed.members} == {"label-0001", "label-0002"}
    assert not any("POTCAR" in name and "spec" not in name for name in packed.members)
    assert engine.finish() is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"ensemble": "nvt-nose-hoover-chain"}, "ensemble"), ({"damping_fs": 100.0}, "200 fs")],
)
def test_dynamics_that_vasp_does_not_do_are_refused(vasp, tmp_path, changes, word):
    engine = vasp_engine(tmp_path, "md")
    recipe = engine.complete(RECIPE, ["Cu"])
    with pytest.raises(InputError, match=word):
        next(engine.run_md(copper_atoms(), recipe, DYNAMICS.model_copy(update=changes), 3))
    assert list(tmp_path.iterdir()) == []
