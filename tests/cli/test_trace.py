import pytest

from tm23flows.cli.trace import trace_tree
from tm23flows.documents.recipe import Recipe
from tm23flows.store.past.relatives import Level, Trace


def test_a_frame_reaches_its_structure_inputs_and_versions(tm23, emt_archive):
    frame = emt_archive.database["frames"].find_one()
    ran = tm23("trace", frame["_id"][:12], "--json")
    assert ran.code == 0
    levels = {level["collection"]: level for level in ran.json["levels"]}
    assert list(levels) == ["frames", "trajectories", "structures"]
    run = levels["trajectories"]["shown"][0]
    assert run["id"] == frame["trajectory_id"]
    assert run["software"]["ase"]
    assert run["inputs"]["calculator"] == "ase.calculators.emt.EMT"
    assert ran.json["complete"] is True


def test_the_tree_says_what_and_with_which_versions(tm23, emt_archive):
    label = emt_archive.database["labels"].find_one({"recipe.kmesh": [3, 3, 3]})
    out = tm23("trace", label["_id"]).out
    for word in ("label", "frame", "trajectory", "structure", "3x3x3", "ase", "seed 0"):
        assert word in out


def test_a_dataset_has_a_name(tm23, emt_archive):
    dataset = emt_archive.dataset("Cu-demo")
    by_id = tm23("trace", dataset.id, "--json").json
    assert by_id["levels"][0]["collection"] == "datasets"
    for name in ("Cu-demo", "Cu-demo@1"):
        assert tm23("trace", name, "--json").json == by_id
    missing = tm23("trace", "Cu-demo@2")
    assert (missing.code, "Cu-demo@2" in missing.err) == (2, True)


def test_what_a_recipe_does_not_say_is_unknown(tm23, archive, make_frame, make_label):
    frame = make_frame()
    source = {"source": "a set of labels"}
    bare = Recipe(engine="vasp", kmesh=None, kmesh_offset=None, sigma_eV=None, options=source)
    label = make_label(frame, bare)
    archive.put(frame, label)
    out = tm23("trace", label.id).out
    assert "vasp unknown sigma unknown" in out
    assert "None" not in out


@pytest.mark.parametrize(
    ("collection", "one", "two"),
    [
        ("studies", "study", "2 studies"),
        ("densities_of_states", "density of states", "2 densities of states"),
        ("elastic_constants", "elastic constants", "2 elastic constants"),
        ("grid_searches", "grid search", "2 grid searches"),
        ("labels", "label", "2 labels"),
    ],
)
def test_one_and_several_of_a_noun(collection, one, two):
    titles = []
    for count in (1, 2):
        tree = trace_tree(Trace("a" * 64, [Level(collection, count, [])]), "trace of")
        titles.append(str(tree.children[0].label))
    assert titles == [one, two]


def test_a_deleted_parent_is_reported(tm23, emt_copy):
    dataset = emt_copy.dataset("Cu-demo")
    gone = emt_copy.database["structures"].find_one()["_id"]
    emt_copy.database["structures"].delete_one({"_id": gone})
    ran = tm23("trace", dataset.id)
    assert ran.code == 1
    assert f"MISSING {gone}" in ran.out.replace("\n", "")
    assert "broken" in ran.err


def test_an_id_that_is_not_there(tm23, emt_archive):
    ran = tm23("trace", "0123456789abcdef")
    assert (ran.code, ran.err) == (2, "tm23: Nothing in the archive has the id 0123456789abcdef.\n")


def test_something_that_is_no_id(tm23, emt_archive):
    ran = tm23("trace", "copper")
    assert ran.code == 2
    assert "is no id" in ran.err


def test_the_way_down_ends_at_evaluations(tm23, road):
    archive, evaluation = road
    structure = archive.database["structures"].find_one()["_id"]
    ran = tm23("trace", structure, "--down", "--json")
    assert ran.code == 0
    levels = {level["collection"]: level for level in ran.json["descendants"]}
    assert [level["count"] for level in levels.values()][:3] == [1, 3, 24]
    assert levels["evaluations"]["shown"][0]["id"] == evaluation.id
    assert "levels" not in ran.json


def test_the_tree_down_counts_what_it_does_not_show(tm23, road):
    archive, _ = road
    structure = archive.database["structures"].find_one()["_id"]
    out = tm23("trace", structure, "--down", "--show", "2").out
    for word in ("made from", "24 frames", "and 22 more", "evaluation"):
        assert word in out
    assert "trace of" not in out


def test_both_ways(tm23, road):
    _, evaluation = road
    out = tm23("trace", evaluation.dataset_id, "--both").out
    assert out.index("trace of") < out.index("structure") < out.index("made from")
    ran = tm23("trace", evaluation.dataset_id, "--both", "--json")
    assert {"id", "complete", "levels", "descendants"} == set(ran.json)


def test_a_prov_document_has_everything_unless_told_otherwise(tm23, road):
    _, evaluation = road
    whole = tm23("trace", evaluation.id, "--prov").json
    part = tm23("trace", evaluation.id, "--prov", "--show", "1").json
    labels = [
        sum(name.startswith("tm23:label-") for name in one["entity"]) for one in (whole, part)
    ]
    assert labels == [24, 1]


def test_words_that_contradict_each_other(tm23, emt_archive):
    assert tm23("trace", "a" * 64, "--down", "--both").code == 2
    ran = tm23("trace", "a" * 64, "--json", "--prov")
    assert (ran.code, ran.err.count("Choose one of")) == (2, 1)
