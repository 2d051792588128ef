"""Recipes in words."""

from tm23flows.documents.recipe import Recipe
from tm23flows.report.words import mesh_words, recipe_words, short_words

FULL = Recipe(
    engine="gpaw",
    cutoff_eV=350,
    kmesh=(2, 2, 2),
    kmesh_offset=(0.25, 0.25, 0.25),
    electron_shift=-1,
    pseudopotentials={"Cu": "Cu.PBE 1a2b"},
    options={"mode": "pw"},
)


def test_a_shifted_mesh_is_called_shifted():
    assert mesh_words(FULL) == "shifted 2x2x2"
    assert mesh_words(Recipe(engine="emt", kmesh=(3, 3, 3))) == "3x3x3"


def test_recipes_that_differ_read_differently():
    others = [
        FULL.model_copy(update=update)
        for update in (
            {"sigma_eV": 1.0},
            {"cutoff_eV": 520.0},
            {"electron_shift": 0.0},
            {"kmesh": (3, 2, 2)},
            {"kmesh_offset": (0.0, 0.0, 0.0)},
        )
    ]
    assert len({short_words(recipe) for recipe in [FULL, *others]}) == 6
    assert len({recipe_words(recipe) for recipe in [FULL, *others]}) == 6


def test_every_setting_is_said():
    said = recipe_words(FULL.model_copy(update={"spin_polarized": True, "xc": "LDA"}))
    for word in (
        "gpaw", "LDA", "350 eV", "2x2x2", "(0.25, 0.25, 0.25)", "methfessel-paxton", "order 1",
        "0.2 eV", "-1 electrons", "spin-polarised", "Cu: Cu.PBE 1a2b", "mode = pw",
    ):  # fmt: skip
        assert word in said


def test_what_is_not_known_is_said():
    source = {"options": {"source": "a set"}, "engine": "imported"}
    unknown = Recipe(
        **source, kmesh=None, kmesh_offset=None, smearing=None, sigma_eV=None, spin_polarized=None
    )
    assert mesh_words(unknown) == "unknown"
    assert short_words(unknown) == "unknown, SIGMA unknown"
    words = recipe_words(unknown)
    assert "k-mesh unknown" in words
    assert "smearing unknown" in words
    assert "spin unknown" in words
    assert "None" not in words
