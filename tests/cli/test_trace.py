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
