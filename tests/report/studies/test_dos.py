"""The page of the density-of-states study: what is in the store, nothing more."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.studies.dos import DosFrame, DosMetal, DosResults
from tm23flows.documents.study import Study
from tm23flows.report.studies import dos
from tm23flows.report.studies.dos import section
from tm23flows.science.density_of_states import D_WINDOW_EV, d_band, integrated_electrons
from tm23flows.science.spectrum import Spectrum
from tm23flows.store.archive import Archive

N_ATOMS = 2


@pytest.fixture
def archive(database):
    return Archive.open(database.uri, "tm23_dos")


def states(d_from, d_to, top=9.0, d=0.9):
    """Ten d bands between two energies at each of two k-points, and one above."""
    bands = np.linspace(d_from, d_to, 10)
    places = np.stack([np.append(bands, top), np.append(bands + 0.1, top + 1)])
    projections = np.zeros((2, 11, 3))
    projections[:, :10, 2] = d
    return Spectrum(
        eigenvalues_eV=places,
        weights=np.array([0.5, 0.5]),
        occupations=(places <= 0).astype(float),
        projections=projections,
        fermi_eV=0.0,
        electrons=float((places <= 0).sum()),
    )


def stored(archive, element, spectrum, seed):
    band, recipe = d_band(spectrum), Recipe(engine="gpaw", kmesh=(3, 3, 3))
    one = DensityOfStates(
        provenance=Provenance.now(),
        frame_id=f"{seed:064x}",
        recipe=recipe,
        recipe_id=recipe.id,
        element=element,
        regime="melt",
        n_atoms=N_ATOMS,
        electrons=spectrum.electrons,
        fermi_eV=0.0,
        window_eV=D_WINDOW_EV,
        window_complete=band.window_complete,
        d_band_centre_eV=band.centre_eV,
        d_band_width_eV=band.width_eV,
        d_filling=band.filling,
        spectrum=archive.blobs.put_arrays(**spectrum.to_arrays()),
    )
    archive.put(one)
    frame = DosFrame(
        dos_id=one.id,
        integrated_electrons=integrated_electrons(spectrum),
        window_end_eV=band.window_eV[1],
        d_below_fermi=band.below_fermi,
        **{
            name: getattr(one, name)
            for name in (
                "frame_id", "electrons", "window_complete", "d_band_centre_eV",
                "d_band_width_eV", "d_filling",
            )
        },
    )  # fmt: skip
    return DosMetal(
        element=element,
        recipe_id=recipe.id,
        sigma_eV=0.2,
        n_atoms=N_ATOMS,
        frames=(frame,),
        d_band_centre_eV=band.centre_eV,
        d_band_centre_error_eV=None if seed % 2 else 0.034,
        d_band_width_eV=band.width_eV,
        d_filling=band.filling,
        d_below_fermi=band.below_fermi,
    )


@pytest.fixture
def study(archive):
    rows = (
        stored(archive, "Ti", states(-2.0, 4.0, top=5.0), 1),
        stored(archive, "Cu", states(-5.0, -1.5), 2),
        stored(archive, "Zn", states(-9.0, -7.5), 3),
        stored(archive, "Au", states(-7.0, -2.0, d=0.0), 4),
    )
    return Study(
        provenance=Provenance.now(),
        elements=("Ti", "Cu", "Zn", "Au"),
        settings={"regime": "melt"},
        parents={},
        results=DosResults(width_eV=0.2, window_eV=D_WINDOW_EV, metals=rows),
    )


def test_the_tables_have_the_numbers_of_the_study(archive, study):
    shown = section(archive, study)
    moments, electrons = shown.tables
    by_metal = {row[0]: dict(zip(moments.columns, row, strict=True)) for row in moments.rows}
    assert list(by_metal) == ["Ti", "Cu", "Zn", "Au"]
    assert by_metal["Ti"]["centre / eV"] == "1.05"
    assert by_metal["Cu"]["centre / eV"] == "-3.20 ± 0.03"
    assert by_metal["Cu"]["below the Fermi level"] == "100 %"
    assert by_metal["Ti"]["window / eV"] == "-12 to 5.0 *"
    assert by_metal["Zn"]["window / eV"] == "-12 to 6.0"
    assert by_metal["Au"]["centre / eV"] == "-"
    assert [row[0] for row in electrons.rows] == ["Ti", "Cu", "Zn", "Au"]
    for row in electrons.rows:
        assert float(row[3]) == pytest.approx(float(row[2]), abs=2e-3)
    for table in shown.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_the_answer_orders_the_metals_and_leaves_out_those_without(archive, study):
    centres, shares, none, _article = section(archive, study).answer
    assert centres.index("Zn") < centres.index("Cu") < centres.index("Ti 1.05 eV")
    assert "Au" not in centres
    assert "Cu 100 %" in shares
    assert "No d states in the window: Au." in none


def test_the_figure_has_a_panel_for_each_metal(archive, study, monkeypatch):
    drawn = []
    draw = dos._draw_metal

    def watched(archive, axes, metal, width_eV):
        draw(archive, axes, metal, width_eV)
        drawn.append((metal.element, axes))

    monkeypatch.setattr(dos, "_draw_metal", watched)
    (drawing,) = section(archive, study).drawings
    assert ET.fromstring(drawing.svg).tag.endswith("svg")
    assert "0.2 eV" in drawing.caption
    assert [element for element, _ in drawn] == ["Ti", "Cu", "Zn", "Au"]
    for element, axes in drawn:
        total, of_d = (np.array(line.get_data()) for line in axes.get_lines()[:2])
        area = np.trapezoid(of_d[1], of_d[0])
        # 0.9 of two electrons in each of ten bands of two atoms; Ti has states to 4 eV, all seen
        assert area == pytest.approx(0.0 if element == "Au" else 9.0, rel=0.02, abs=1e-9)
        assert (total[1] >= of_d[1] - 1e-12).all()
        assert total[0].max() <= {"Ti": 4.6}.get(element, 8.0)
        assert len(axes.get_lines()) == (3 if element == "Au" else 4)


def test_the_same_study_gives_the_same_bytes(archive, study):
    one, other = (section(archive, study).drawings[0].svg for _ in range(2))
    assert one == other
