"""The phonon study as it is shown: sentences, tables and the figure."""

from xml.etree import ElementTree as ET

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model
from tm23flows.documents.structure import Crystal
from tm23flows.documents.studies.phonons import (
    FrequencyErrorRow,
    FrequencyErrors,
    PhononCurves,
    PhononMetal,
    PhononModel,
    PhononReference,
    PhononResults,
)
from tm23flows.documents.study import Study
from tm23flows.report.studies.phonons import draw_phonons, model_names, section

MODELS = [
    Model(
        provenance=Provenance.now(), trainer=trainer, hyperparameters={}, seed=seed,
        dataset_id="d" * 64, files=(), wall_s=1.0,
    )
    for trainer, seed in (("flare", 0), ("nequip", 0), ("nequip", 1))
]  # fmt: skip
IDS = [one.id for one in MODELS]


def error(mean, **fields):
    size = abs(mean)
    given = {
        "mean_THz": mean, "mae_THz": size, "rmse_THz": 1.2 * size, "largest_THz": 3 * size,
        "percent": 20 * size, "n_modes": 42,
    }  # fmt: skip
    return FrequencyErrorRow(**{**given, **fields})


def errors(mean):
    return FrequencyErrors(all=error(mean), acoustic=error(mean / 2), optical=error(2 * mean))


def curves(scale=1.0, **fields):
    path = [[scale * q * branch for branch in range(1, 7)] for q in (0.0, 0.5, 1.0, 1.0, 0.0)]
    given = {
        "crystal": Crystal(
            element="Os", phase="hcp", source="a test",
            cell=((2.7, 0, 0), (-1.35, 2.34, 0), (0, 0, 4.3)), positions=((0, 0, 0), (0, 1, 2)),
        ),
        "a_A": 2.7 * scale, "c_A": 4.3 * scale, "volume_A3_per_atom": 14.0,
        "path_THz": path, "dos_THz": (0.0, 3.0, 6.0), "dos_per_THz": (0.0, 1.5, 0.2),
        "lowest_THz": -1e-7, "imaginary_share": 0.0, "drift_eV_per_A2": 2e-3,
    }  # fmt: skip
    return PhononCurves(**{**given, **fields})


def metal(**fields):
    flare = PhononModel(
        model_id=IDS[0], curves=curves(0.9, imaginary_share=0.015, lowest_THz=-0.8),
        errors=errors(-0.4), errors_same_lattice=errors(0.2), wall_s=1.0,
    )  # fmt: skip
    nequip = PhononModel(
        model_id=IDS[1], curves=curves(1.02), errors=errors(0.1), errors_same_lattice=errors(0.1),
        wall_s=200.0,
    )  # fmt: skip
    lost = PhononModel(
        model_id=IDS[2], curves=None, errors_same_lattice=errors(1.5), wall_s=1.0,
        reason="The crystal of Os went away <b>",
    )  # fmt: skip
    given = {
        "element": "Os", "phase": "hcp", "dataset_id": "d", "supercell": (4, 4, 3), "n_atoms": 96,
        "path_q": [(0, 0, 0), (0.25, 0, 0), (0.5, 0, 0), (0.3, 0.3, 0), (0, 0, 0)],
        "path_places_per_A": (0.0, 0.6, 1.2, 1.2, 2.4),
        "path_ticks": ((0.0, "Γ"), (1.2, "M|K"), (2.4, "Γ")), "q_mesh": (13, 13, 7),
        "labels": PhononReference(recipe_id="r", kmesh=(3, 3, 2), n_labels=1, curves=curves()),
        "models": (flare, nequip, lost),
    }  # fmt: skip
    return PhononMetal(**{**given, **fields})


class FakeArchive:
    """Has the three models."""

    def get_many(self, kind, keys):
        assert kind is Model
        return [MODELS[IDS.index(key)] for key in keys]


def shown(**fields):
    study = Study(
        provenance=Provenance.now(), elements=("Os",), settings={}, parents={},
        results=PhononResults(metals=(metal(**fields),)),
    )  # fmt: skip
    return section(FakeArchive(), study), study


def test_models_of_one_trainer_are_told_apart():
    names = model_names(FakeArchive(), metal())
    assert list(names.values()) == ["flare", f"nequip {IDS[1][:6]}", f"nequip {IDS[2][:6]}"]


def test_the_sentences_say_what_was_measured():
    cell, flare, nequip, lost = shown()[0].answer
    assert "Os (hcp): a supercell of 4x4x3 primitive cells, 96 atoms" in cell
    assert "labels of 1 displaced cell with k-mesh 3x3x2" in cell
    assert "0.400 THz too low on average, MAE 0.400 THz (8.00 %)" in flare
    assert "acoustic branches: MAE 0.200 THz" in flare
    assert "optical branches: MAE 0.800 THz" in flare
    assert "at the lattice of the labels: MAE 0.200 THz" in flare
    assert "1.50 % of the modes imaginary, though the labels have none" in flare
    assert "too high" in nequip
    assert "imaginary" not in nequip
    assert "no phonons of its own. The crystal of Os went away <b>." in lost
    assert "At the lattice of the labels: MAE 1.50 THz" in lost


def test_without_labels_there_are_no_errors_to_show():
    alone = PhononModel(model_id=IDS[1], curves=curves(), wall_s=1.0)
    found, _ = shown(labels=None, models=(alone,))
    assert "no labels to compare with" in found.answer[0]
    assert "no imaginary modes" in found.answer[1]
    (lattice,) = found.tables
    assert lattice.rows[0][4:6] == ("-", "-")
    assert len(found.drawings) == 1


def test_where_nothing_was_found_nothing_is_drawn():
    lost = PhononModel(model_id=IDS[1], curves=None, reason="it failed", wall_s=1.0)
    found, _ = shown(labels=None, models=(lost,))
    assert found.drawings == ()
    assert found.tables == ()
    assert "it failed." in found.answer[1]


def test_the_tables():
    found, study = shown()
    lattice, errors = found.tables
    assert [row[0] for row in lattice.rows] == ["labels", "flare", f"nequip {IDS[1][:6]}"]
    assert lattice.rows[0][4:6] == ("-", "-")
    assert lattice.rows[0][7] == "0.00"
    assert lattice.rows[1][1:8] == (
        "2.430", "3.870", "14.00", "-10.00", "-10.00", "1.50", "-0.80",
    )  # fmt: skip
    assert lattice.documents == (study.id, IDS[0], IDS[1])
    assert len(errors.rows) == 3 * 2 * 3 - 3
    assert errors.rows[0] == (
        "flare", "its own", "all", "-0.400", "0.400", "0.480", "1.20", "8.00",
    )  # fmt: skip
    assert errors.rows[-1][1:4] == ("labels'", "optical", "+3.000")
    assert errors.documents[-1] == IDS[2]
    for table in found.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert len(table.documents) == len(table.rows)


def test_all_sources_are_in_one_figure_and_lines_break_where_the_path_jumps():
    made = metal()
    drawing = draw_phonons(made, model_names(FakeArchive(), made))
    root = ET.fromstring(drawing.svg)
    groups = [one.get("id") or "" for one in root.iter("{http://www.w3.org/2000/svg}g")]
    assert sum(one.startswith("axes_") for one in groups) == 2
    bands, states = drawing.figure.axes
    assert len(bands.lines) == 3 * 2 * 6 + 1
    assert len(states.lines) == 3 + 1
    assert [one.get_text() for one in bands.get_legend().get_texts()] == [
        "labels", "flare", f"nequip {IDS[1][:6]}",
    ]  # fmt: skip
    assert [one.get_text() for one in bands.get_xticklabels()] == ["Γ", "M|K", "Γ"]
    longest = max(one.get_xdata()[-1] - one.get_xdata()[0] for one in bands.lines[:-1])
    assert longest == pytest.approx(1.2)
    assert "hcp Os" in drawing.title


def test_another_study_is_not_shown():
    with pytest.raises(TypeError, match="no phonon study"):
        section(FakeArchive(), type("Other", (), {"results": None, "id": "x"})())


def test_where_there_are_no_optical_branches_all_are_said_once():
    only = FrequencyErrors(all=error(0.2), acoustic=error(0.2), optical=None)
    one = PhononModel(model_id=IDS[0], curves=curves(), errors=only, wall_s=1.0)
    found, _ = shown(models=(one,))
    assert "acoustic" not in found.answer[1]
    assert [row[2] for row in found.tables[1].rows] == ["all"]
