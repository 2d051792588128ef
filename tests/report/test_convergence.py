"""Convergence tests in the report: table, figure, warnings, page."""

import re
from datetime import timedelta

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence, MeshRow
from tm23flows.documents.label import Label
from tm23flows.report.convergence import (
    COLUMNS,
    convergences,
    draw_convergence,
    mesh_rows,
    warnings,
)
from tm23flows.report.page import render_page
from tm23flows.store.archive import Archive

HOSTILE = "<script>alert('$x_')</script>"
ENERGIES_MEV = (31.04, None, 0.42, 0.0)
CHOSEN = {"converged": True, "kmesh": (4, 4, 4), "kmesh_offset": (0.125,) * 3}
NONE = {"converged": False, "kmesh": None, "kmesh_offset": None}
DENSEST = {"converged": False, "kmesh": (5, 5, 5), "kmesh_offset": (0.0,) * 3}


def row(n, energy_meV, offset=0.0, recipe_id="a" * 64):
    changes = {}
    if energy_meV is not None:
        changes = {
            "recipe_id": recipe_id,
            "energy_eV_per_atom": energy_meV / 1000,
            "force_eV_per_A": 2 * energy_meV / 1000,
            "stress_eV_per_A3": 0.1 * energy_meV / 1000,
            "cpu_s": 12.5 * n,
        }
    return MeshRow(
        kmesh=(n, n, n),
        kmesh_offset=(offset,) * 3,
        spacing_per_A=0.87 / n,
        n_points=n**3,
        **{"recipe_id": None, **changes},
    )


def convergence(label, element="Cu", energies_meV=ENERGIES_MEV, **fields):
    meshes = zip((2, 3, 4, 5), energies_meV, (0.25, 0, 0.125, 0), strict=True)
    given = {
        "provenance": Provenance.now(),
        "element": element,
        "base_recipe": label.recipe.model_copy(
            update={"kmesh": (1, 1, 1), "kmesh_offset": (0.0,) * 3}
        ),
        "frame_ids": (label.frame_id,),
        "rows": tuple(row(n, e, offset, label.recipe_id) for n, e, offset in meshes),
        "energy_limit_eV_per_atom": 0.001,
        "force_limit_eV_per_A": 0.005,
        "reason": f"because {HOSTILE}",
        **CHOSEN,
    }
    return Convergence(**{**given, **fields})


@pytest.fixture
def label(road):
    return road.get(Label, road.database["labels"].find_one({"recipe.kmesh": [3, 3, 3]})["_id"])


@pytest.fixture
def archive(database, road):
    """A copy of the road, for convergence tests."""
    archive = Archive.open(database.uri, "tm23_kmesh")
    for name in ("structures", "trajectories", "frames", "labels", "datasets", "dataset_names"):
        archive.database[name].delete_many({})
        archive.database[name].insert_many(list(road.database[name].find()))
    for name in ("blobs.files", "blobs.chunks"):
        archive.database[name].delete_many({})
        archive.database[name].insert_many(list(road.database[name].find()))
    archive.database["convergences"].delete_many({})
    return archive


def test_the_table_has_every_mesh(label):
    rows = mesh_rows(convergence(label))
    assert rows == [
        ["shifted 2x2x2", "0.435", "8", "31.0", "62.1", "3.10", "25.0", ""],
        ["3x3x3", "0.290", "27", "-", "-", "-", "-", "no labels"],
        ["shifted 4x4x4", "0.217", "64", "0.420", "0.840", "0.042", "50.0", "chosen"],
        ["5x5x5", "0.174", "125", "-", "-", "-", "62.5", "reference"],
    ]
    assert {len(one) for one in rows} == {len(COLUMNS)}


def test_a_mesh_that_is_not_converged_is_not_called_chosen(label):
    roles = [one[-1] for one in mesh_rows(convergence(label, **DENSEST))]
    assert roles == ["", "no labels", "", "reference, used, not converged"]
    assert [one[-1] for one in mesh_rows(convergence(label, **NONE))][2:] == ["", "reference"]


def test_tests_are_read_by_metal(archive, label):
    both = convergence(label), convergence(label, "Ag")
    archive.put(*both)
    assert [one.element for one in convergences(archive)] == ["Ag", "Cu"]
    assert [one.element for one in convergences(archive, {"Cu"})] == ["Cu"]
    assert convergences(archive, set()) == []


def test_the_last_test_of_a_metal_decides_whether_to_warn(label):
    good, bad = convergence(label), convergence(label, **NONE)
    assert warnings([bad, good]) == warnings([]) == []
    (said,) = warnings([good, bad])
    assert "No k-mesh of Cu" in said
    assert len(warnings([bad, convergence(label, "Ag", **DENSEST)])) == 2
    wide = good.base_recipe.model_copy(update={"sigma_eV": 1.0})
    assert len(warnings([bad, convergence(label, base_recipe=wide)])) == 1


def test_the_figure_says_what_is_drawn(label):
    drawing = draw_convergence(convergence(label))
    assert b"</svg>" in drawing.svg
    assert drawing.title == "Convergence of Cu with the k-mesh, against 5x5x5"
    assert "1 frame;" in drawing.caption
    assert draw_convergence(convergence(label)).svg == drawing.svg
    # Every panel has a curve, circles, squares, a limit and a band; the stress has no limit.
    exact = convergence(label, energies_meV=(0.0, 0.0, 0.0, 0.0))
    assert b"</svg>" in draw_convergence(exact).svg
    assert draw_convergence(exact).svg != drawing.svg


def test_another_verdict_is_another_figure(label):
    chosen, none = (draw_convergence(convergence(label, **one)).svg for one in (CHOSEN, NONE))
    assert chosen != none


def test_nothing_to_compare_is_no_figure(label):
    alone = convergence(label, energies_meV=(None, None, None, 0.0), **NONE)
    assert draw_convergence(alone) is None


def test_the_page_shows_it(archive, label):
    without = render_page(archive)
    assert "Convergence with the k-mesh" not in without
    test = convergence(label)
    later = test.provenance.model_copy(
        update={"created": test.provenance.created + timedelta(seconds=1)}
    )
    bad = convergence(label, **NONE, reason="the second densest mesh differs", provenance=later)
    archive.put(test)
    page = render_page(archive, "Cu-demo")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for one in mesh_rows(test):
        assert " ".join(cell for cell in one if cell) in text
    assert test.id[:8] in text
    assert 'alt="Convergence of Cu with the k-mesh, against 5x5x5"' in page
    assert "No k-mesh of Cu" not in text
    assert HOSTILE not in page
    archive.put(convergence(label, "Ag"))
    assert "Convergence of Ag" in render_page(archive)
    assert "Convergence of Ag" not in render_page(archive, "Cu-demo")
    archive.put(bad)
    assert "No k-mesh of Cu was shown to be converged: the second" in render_page(archive)
