"""Spectra out of vasprun.xml: against pymatgen, in little memory, and what is refused."""

import gzip
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from engine_kit import MAKERS, RECIPE, copper_atoms, quick
from pymatgen.electronic_structure.core import Spin
from pymatgen.io.vasp import Incar, Vasprun

from tm23flows.engines.base import Failure, Result, Setup, get_engine
from tm23flows.engines.vasp.header import read_header
from tm23flows.engines.vasp.outputs import iter_steps
from tm23flows.engines.vasp.spectra import read_spectrum
from tm23flows.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")

SHARED = Path(__file__).resolve().parents[4] / "shared/data/vasp_atomate2"
RUNS = (
    "Si_molecular_dynamics/molecular_dynamics",
    "Si_mp_morph_production_run",
    "Si_multi_md/molecular_dynamics_3",
)
WITH_SPIN = ("Fe_GGA_static", "Au_slab_static")


def shared(name):
    path = SHARED / name / "outputs/vasprun.xml.gz"
    if not path.exists():
        pytest.skip(f"shared test data not found: {path}")
    return path


def spectra_engine(folder, maker=None):
    setup = Setup("label", maker or quick(MAKERS["label"]()), spectra=True)
    return get_engine("vasp", folder, setup)


@pytest.fixture
def static(vasp, tmp_path):
    """A static of seven copper atoms with its spectrum, and its folder."""
    engine = spectra_engine(tmp_path)
    recipe = engine.complete(RECIPE.model_copy(update={"kmesh": (2, 2, 2)}), ["Cu"])
    (result,) = engine.label([copper_atoms()], recipe)
    return result, tmp_path / "label-0001"


@pytest.mark.parametrize("name", RUNS)
def test_real_runs_are_read_as_pymatgen_does(name):
    path = shared(name)
    found = read_spectrum(path)
    whole = Vasprun(path, parse_projected_eigen=True, parse_potcar_file=False)
    np.testing.assert_array_equal(found.eigenvalues_eV, whole.eigenvalues[Spin.up][..., 0])
    np.testing.assert_array_equal(found.occupations, whole.eigenvalues[Spin.up][..., 1])
    projected = whole.projected_eigenvalues[Spin.up].sum(axis=2)
    for channel, columns in enumerate((slice(0, 1), slice(1, 4), slice(4, 9))):
        np.testing.assert_allclose(
            found.projections[..., channel], projected[..., columns].sum(axis=-1), atol=1e-12
        )
    np.testing.assert_allclose(found.weights, whole.actual_kpoints_weights, atol=1e-8)
    assert found.fermi_eV == whole.efermi
    assert found.counted_electrons == pytest.approx(whole.parameters["NELECT"], rel=1e-4)
    assert found.projections.sum(axis=-1).max() < 1.05  # parts of states, not states per atom


@pytest.mark.parametrize("name", WITH_SPIN)
def test_runs_with_spin_are_refused(name):
    with pytest.raises(InputError, match="ISPIN = 1"):
        read_spectrum(shared(name))


def test_labels_come_with_spectra_and_the_recipe_stays(static, tmp_path):
    result, folder = static
    assert isinstance(result, Result)
    assert Incar.from_file(folder / "INCAR")["LORBIT"] == 11
    spectrum = result.spectrum
    assert spectrum.electrons == 7 * 17  # the dataset with semi-core states
    assert spectrum.counted_electrons == pytest.approx(7 * 17, abs=0.01)
    assert spectrum.eigenvalues_eV.shape == spectrum.projections.shape[:2]
    plain = get_engine("vasp", tmp_path, Setup("label", quick(MAKERS["label"]())))
    with_spectra = spectra_engine(tmp_path)
    assert with_spectra.complete(RECIPE, ["Cu"]).id == plain.complete(RECIPE, ["Cu"]).id
    assert with_spectra.inputs(with_spectra.complete(RECIPE, ["Cu"]))["user_incar_settings"] == {
        "LORBIT": 11
    }


def test_projections_change_no_number(static, tmp_path):
    result, _ = static
    engine = get_engine("vasp", tmp_path, Setup("label", quick(MAKERS["label"]())))
    recipe = engine.complete(RECIPE.model_copy(update={"kmesh": (2, 2, 2)}), ["Cu"])
    (plain,) = engine.label([copper_atoms()], recipe)
    assert plain.spectrum is None
    assert "LORBIT" not in Incar.from_file(tmp_path / "label-0001.2/INCAR")
    np.testing.assert_array_equal(plain.forces, result.forces)
    assert plain.energies == result.energies


def test_users_settings_stay_and_lorbit_is_ours(vasp, tmp_path):
    maker = quick(MAKERS["label"](), LORBIT=0, NELM=77)
    engine = spectra_engine(tmp_path, maker)
    (result,) = engine.label([copper_atoms()], engine.complete(RECIPE, ["Cu"]))
    assert result.spectrum is not None
    assert Incar.from_file(tmp_path / "label-0001/INCAR")["NELM"] == 77
    assert maker.input_set_generator.user_incar_settings["LORBIT"] == 0


def test_spin_is_refused_before_anything_runs(vasp, tmp_path):
    engine = spectra_engine(tmp_path)
    recipe = engine.complete(RECIPE.model_copy(update={"spin_polarized": True}), ["Cu"])
    with pytest.raises(InputError, match="without spin"):
        next(engine.label([copper_atoms()], recipe))
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_projections_are_cut_is_a_reason(vasp, tmp_path, monkeypatch):
    from tm23flows.engines.vasp import statics

    engine = spectra_engine(tmp_path)
    recipe = engine.complete(RECIPE, ["Cu"])

    def without(path):
        spoil(path, lambda text: re.sub("<projected>.*</projected>", "", text, flags=re.DOTALL))
        return read_spectrum(path)

    monkeypatch.setattr(statics, "read_spectrum", without)
    (outcome,) = engine.label([copper_atoms()], recipe)
    assert isinstance(outcome, Failure)
    assert "LORBIT" in outcome.reason


def spoil(path, change):
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    return path


DAMAGE = {
    "cut in the projections": (lambda t: t[: t.index("</projected>") - 2000], "other states"),
    "a column of another name": (lambda t: t.replace(">  dxy<", ">  gxy<"), "unknown column"),
    "stars in a projection": (lambda t: stars(t, 'comment="band 2"', 1), "projections .* damaged"),
    "stars in an energy": (lambda t: stars(t, "<field>occ</field>", 0), "not finite"),
    "a band less": (lambda t: t.replace("<r>", "<x>", 1).replace("</r>", "</x>", 1), "eigenvalues"),
    "no weights": (lambda t: t.replace('name="weights"', 'name="other"'), "weights"),
    "no electrons": (lambda t: re.sub(r'<i name="NELECT">[^<]*</i>', "", t), "NELECT"),
}


def stars(text, after, which):
    """Put asterisks in place of the first number after a word."""
    place = text.index("<r>", text.index(after)) + 3
    begin = place + [m.start() for m in re.finditer(r"\S+", text[place:])][which]
    end = begin + len(text[begin:].split()[0])
    return text[:begin] + "*" * (end - begin) + text[end:]


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_said_in_one_sentence(static, what):
    change, word = DAMAGE[what]
    with pytest.raises(InputError, match=word) as raised:
        read_spectrum(spoil(static[1] / "vasprun.xml", change))
    assert "\n" not in str(raised.value)


def test_compressed_files_and_f_columns_are_read(static, tmp_path):
    path = static[1] / "vasprun.xml"
    head, tag, rest = path.read_text().partition("<projected>")
    levels, end, rows = rest.partition("</eigenvalues>")
    rows = rows.replace("<field>x2-y2</field>", "<field>x2-y2</field><field>fxyz</field>")
    rows = rows.replace(" </r>", "  0.5000 </r>")
    packed = tmp_path / "wide.xml.gz"
    packed.write_bytes(gzip.compress(f"{head}{tag}{levels}{end}{rows}".encode()))
    found, plain = read_spectrum(packed), read_spectrum(path)
    np.testing.assert_allclose(found.projections, plain.projections)


def test_memory_is_not_that_of_the_projections(static, tmp_path):
    """Ten times the atoms make the section ten times larger and the peak hardly."""
    text = (static[1] / "vasprun.xml").read_text()
    large = tmp_path / "large.xml"
    head, _, rest = text.partition("<projected>")
    section, _, tail = rest.partition("</projected>")
    begin = section.index("</eigenvalues>")
    rows = re.sub(r"( *<r>.*</r>\n)+", lambda m: m.group(0) * 30, section[begin:])
    large.write_text(head + "<projected>" + section[:begin] + rows + "</projected>" + tail)
    assert large.stat().st_size > 10 * len(text)
    found = read_spectrum(large)
    small = read_spectrum(static[1] / "vasprun.xml")
    np.testing.assert_allclose(found.projections, 30 * small.projections)
    header = read_header(large)
    tracemalloc.start()
    (step,) = iter_steps(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(step.forces) == len(header.symbols)
    assert peak < large.stat().st_size / 2
