"""The row of a model: its numbers, and failures that stay in it."""

from contextlib import nullcontext

import crystal_kit as kit
import pytest
from ase.calculators import emt

from tm23flows.errors import NotFoundError
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.jobs.studies import crystal_models
from tm23flows.jobs.studies.crystal_labels import NOT_ASKED, label_row
from tm23flows.jobs.studies.crystal_models import equation_of, model_row, with_difference

EMT = {"calculator": "ase.calculators.emt:EMT"}


@pytest.fixture
def model_id(archive):
    return store_calculator(archive, EMT).id


def test_a_model_is_measured_at_its_own_lattice_wherever_it_starts(archive, model_id):
    settings = {**kit.SETTINGS, "elastic": False, "max_steps": 1}
    phases = {"bcc": kit.start(2.85, "bcc")}
    far = model_row(archive, model_id, kit.metal(unit=kit.start(3.75), phases=phases), settings)
    near = model_row(archive, model_id, kit.metal(), settings)
    assert far.lattice.a_A == pytest.approx(near.lattice.a_A, rel=1e-5)
    assert far.lattice.a_A == pytest.approx(3.589825, rel=1e-4)
    assert far.reasons == {"elastic": NOT_ASKED}
    assert far.phases[0].difference_eV_per_atom > 0
    assert near.phases == ()
    # One step is not enough for the atoms around the vacancy; the rest is there.
    assert far.vacancy.relaxed_eV is None
    assert "within 1 steps" in far.vacancy.reason
    assert far.vacancy.unrelaxed_eV == pytest.approx(near.vacancy.unrelaxed_eV, abs=1e-4)


def test_a_model_of_other_metals_or_with_changed_files_is_a_row_of_reasons(archive, model_id):
    wolfram = kit.metal(element="W", phase="bcc", unit=kit.start(3.17, "bcc", "W"))
    row = model_row(archive, model_id, wolfram, kit.SETTINGS)
    assert row.lattice is None
    assert "calculator failed" in row.reasons["lattice"]
    assert row.reasons["vacancy"].startswith("There is no crystal at rest")

    other = archive.blobs.put(b"{}")
    change = {"$set": {"files.0.blob": other}}
    archive.database["models"].update_one({"_id": model_id}, change)
    row = model_row(archive, model_id, kit.metal(), kit.SETTINGS)
    assert set(row.reasons) == {"lattice", "elastic", "vacancy"}


def test_a_model_that_is_not_there_is_an_error(archive):
    with pytest.raises(NotFoundError):
        model_row(archive, "d" * 64, kit.metal(), kit.SETTINGS)


def test_curves_are_compared_where_there_are_two(archive, model_id):
    settings = {**kit.SETTINGS, "elastic": False, "vacancy": False}
    row = model_row(archive, model_id, kit.metal(), settings)
    assert with_difference(row, None) == row
    nothing = {"elastic_constants_id": None, "vacancy": None}
    labels = label_row(archive, {"rest": kit.equilibrium(kit.start()), **nothing}, {})
    compared = with_difference(row, labels)
    assert 0 <= compared.lattice.curve_difference_eV_per_atom < 1e-5
    assert compared.vacancy == row.vacancy
    assert equation_of(row.lattice).volume_A3 == row.lattice.curve_volume_A3_per_atom


class Hole(emt.EMT):
    """A model that has not learnt compressed crystals."""

    def calculate(self, atoms=None, *arguments, **named):
        super().calculate(atoms, *arguments, **named)
        if atoms.get_volume() / len(atoms) < 10.9:
            self.results["energy"] -= 0.5 * len(atoms)


def test_without_a_curve_there_is_all_that_stands_on_the_crystal_at_rest(
    archive, model_id, monkeypatch
):
    metal = kit.metal(phases={"bcc": kit.start(2.85, "bcc")})
    whole = model_row(archive, model_id, metal, kit.SETTINGS)
    monkeypatch.setattr(crystal_models, "stored_model", lambda *_: nullcontext(Hole()))
    row = model_row(archive, model_id, metal, kit.SETTINGS)
    assert row.lattice is None
    assert "At rest at a = 3.5898 A" in row.reasons["lattice"]
    assert "no minimum" in row.reasons["lattice"]
    assert set(row.reasons) == {"lattice"}
    assert row.elastic == whole.elastic
    assert row.vacancy == whole.vacancy
    assert row.phases == whole.phases
