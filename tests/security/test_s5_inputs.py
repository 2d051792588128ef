"""S5: no text of a user becomes a tag of VASP's that nobody asked for.

Random texts go through the public road: atomate2's powerups, a flow, the way through a database,
and the files that would be written. What is read back must be what was asked for, or the
setting is refused.
"""

import copy
import json
from dataclasses import replace

import pytest
from atomate2.vasp import powerups
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monty.json import MontyDecoder, jsanitize
from pymatgen.io.vasp import Incar, Kpoints, Poscar

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Setup, get_engine
from tm23flows.engines.vasp.inputs import input_files
from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker
from tm23flows.engines.vasp.run import run_in
from tm23flows.errors import InputError, TM23Error
from tm23flows.flows.label import LabelMaker

MAKERS = {"static": TM23StaticMaker, "md": TM23MDMaker}
FORBIDDEN = '\n\r\v\f\0\x1c\x85\u2028;#!="\\'

pytestmark = pytest.mark.filterwarnings("ignore")
relaxed = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

tags = st.one_of(
    st.sampled_from(["ALGO", "SYSTEM", "LWAVE", "NCORE", "AMIX", "DIPOL", "PREC", "NEW"]),
    st.text(max_size=12),
    st.text("ABC_ =\n;#", min_size=1, max_size=12),
)
texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["Normal", "Very Fast", "x NSW = 9", "1 2 3", ".TRUE.", "3*0.6", "T"]),
    st.tuples(st.text(max_size=6), st.sampled_from(FORBIDDEN), st.just("NSW = 99999"))
    .map("".join),
)  # fmt: skip
values = st.one_of(
    texts, st.integers(-99, 99), st.booleans(), st.floats(0, 9), st.lists(texts, max_size=3)
)


def through_a_flow(kind, changes):
    """The Maker as a worker gets it: with a user's settings, inside of a job, out of JSON."""
    maker = MAKERS[kind]()
    generator = replace(maker.input_set_generator, user_incar_settings=changes)
    maker = replace(maker, input_set_generator=generator)
    flow = LabelMaker(recipe=Recipe(engine="vasp"), calculation=maker).make(["id"], 1, "Cu", "cold")
    inside = flow.jobs[0].maker.calculation
    stored = json.loads(json.dumps(jsanitize(inside, strict=True, enum_values=True)))
    return MontyDecoder().process_decoded(stored)


def written(maker, structure):
    """What VASP would read, line by line as it reads it: every tag by its name."""
    text = str(input_files(maker.input_set_generator, structure)["INCAR"])
    assert text.isascii()
    found = {}
    for line in text.replace(";", "\n").splitlines():
        if line.partition("#")[0].partition("!")[0].strip():
            name, sign, value = line.partition("=")
            assert sign, line
            assert name.strip() not in found, f"{name} is there twice"
            found[name.strip()] = value.strip()
    return found, text


@pytest.fixture
def plain(vasp, copper):
    """The tags of each Maker when nothing is changed."""
    return {kind: written(make(), copper)[0] for kind, make in MAKERS.items()}


@relaxed
@given(st.sampled_from(sorted(MAKERS)), st.dictionaries(tags, values, max_size=3))
def test_what_is_written_is_what_was_asked_for(plain, copper, vasp, kind, asked):
    maker = through_a_flow(kind, asked)
    try:
        found, text = written(maker, copper)
    except InputError as error:
        sentence = str(error)
    else:
        sentence = None
    if sentence is not None:
        assert "\n" not in sentence
        return
    wanted = {tag.strip().upper() for tag in asked}
    assert set(found) <= set(plain[kind]) | wanted
    untouched = set(plain[kind]) - wanted - {"LMAXMIX", "NBANDS"}
    assert {tag: found[tag] for tag in untouched} == {tag: plain[kind][tag] for tag in untouched}
    again = Incar.from_str(text)
    assert {tag: str(value) for tag, value in again.items()} == {
        tag: str(value)
        for tag, value in Incar.from_str(str(Incar(dict(again)))).items()
    }  # fmt: skip
    assert set(again) == set(found)


@pytest.mark.parametrize("character", FORBIDDEN)
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("tag", ["SYSTEM", "ALGO", "NEW"])
def test_a_second_tag_is_refused(tag, kind, character, vasp, copper):
    for value in (f"x{character}NSW = 99999", [1, f"x{character}NSW=1"]):
        with pytest.raises(InputError, match="not safe"):
            written(through_a_flow(kind, {tag: value}), copper)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_tag_in_the_name_of_a_tag_is_refused(kind, vasp, copper):
    for name in ("ALGO = Fast\nNSW", "ALGO;NSW", "ALGO=1 NSW", "#", "A B"):
        with pytest.raises(InputError, match="no INCAR tag"):
            written(through_a_flow(kind, {name: 5}), copper)


def test_the_danger_is_real():
    assert "NSW" in Incar.from_str(str(Incar({"SYSTEM": "x\nNSW = 99999"})))


@pytest.mark.parametrize("comment", ["x\n0\nGamma\n9 9 9\n0 0 0", "a # b", "x" * 10_000])
def test_kpoints_keep_nothing_but_the_mesh(comment, vasp, copper):
    mesh = Kpoints.gamma_automatic((2, 3, 4), comment=comment)
    flow = LabelMaker(recipe=Recipe(engine="vasp"), calculation=TM23StaticMaker()).make(
        ["id"], 1, "Cu", "cold"
    )
    changed = powerups.update_user_kpoints_settings(flow, mesh)
    files = input_files(changed.jobs[0].maker.calculation.input_set_generator, copper)
    text = str(files["KPOINTS"])
    assert text.splitlines()[0] == "regular mesh"
    assert [line.split() for line in text.splitlines()[1:4]] == [["0"], ["Gamma"], ["2", "3", "4"]]
    assert tuple(Kpoints.from_str(text).kpts[0]) == (2, 3, 4)


@pytest.mark.parametrize("label", ["x\n1.0\n9 0 0", "Cu;", "a" * 500, "\0"])
def test_poscar_keeps_no_words_of_others(label, vasp, copper, tmp_path):
    """The comment and the labels of sites would come in front of the lattice."""
    structure = copy.deepcopy(copper)
    structure.properties["comment"] = label
    maker = TM23StaticMaker()
    maker.run_vasp_kwargs["custodian_kwargs"] = {"polling_time_step": 0.05}
    assert run_in(tmp_path / "run", maker, structure).error is None
    text = (tmp_path / "run/POSCAR").read_text()
    assert label not in text
    assert Poscar.from_str(text).structure.matches(copper)


@pytest.mark.parametrize(
    "title", ["../../etc/passwd", "Cu/../../x", "Cu\nPAW", "/etc/passwd", "Cu;x", "..", ""]
)
def test_a_dataset_is_a_name_and_no_path(title, vasp, copper):
    flow = LabelMaker(recipe=Recipe(engine="vasp"), calculation=TM23StaticMaker()).make(
        ["id"], 1, "Cu", "cold"
    )
    changed = powerups.update_user_potcar_settings(flow, {"Cu": title})
    maker = changed.jobs[0].maker.calculation
    if title == "":  # is none, and then it is that of the package
        assert input_files(maker.input_set_generator, copper)["POTCAR"].symbols == ["Cu_pv"]
        return
    with pytest.raises(TM23Error, match=r"no name of a dataset|is not here"):
        input_files(maker.input_set_generator, copper)


def test_the_recipe_names_what_was_changed(vasp, tmp_path):
    """What passes is part of the id of every label: nothing is smuggled past the recipe."""
    changed = through_a_flow("static", {"ALGO": "Fast", "AMIX": 0.1, "NEW": "X y"})
    ids = [
        get_engine("vasp", tmp_path, Setup("label", maker)).complete(
            Recipe(engine="vasp"), ["Cu"]
        )
        for maker in (changed, TM23StaticMaker())
    ]  # fmt: skip
    assert ids[0].id != ids[1].id
    assert ids[0].options["incar"]["NEW"] == "X y"
