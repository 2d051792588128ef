QUERY = "metal=Cu,kmesh=3x3x3,sigma_eV=0.2,engine=emt"


def test_create_list_show_diff(tm23, emt_copy):
    made = tm23("dataset", "create", "mine", "--from", QUERY, "--split", "fraction",
                "--set", "train_fraction=0.5", "--json")  # fmt: skip
    assert made.code == 0
    assert (made.json["train"], made.json["test"]) == (12, 12)
    names = {row["name"] for row in tm23("dataset", "list", "--json").json}
    assert names == {"mine", "Cu-demo"}
    shown = tm23("dataset", "show", "mine").json
    assert shown["id"] == made.json["id"]
    assert len(shown["parts"]["train"]) == 12
    assert tm23("dataset", "diff", "mine", "mine").code == 0
    other = tm23("dataset", "diff", "mine", "Cu-demo", "--json")
    assert other.code == 1
    assert len(other.json["train"]["only_second"]) == 6


def test_a_dataset_from_a_dataset(tm23, emt_copy):
    made = tm23("dataset", "create", "again", "--from", "Cu-demo", "--split", "full",
                "--set", "n_train=3", "--set", "n_test=2", "--json")  # fmt: skip
    assert (made.json["train"], made.json["test"]) == (9, 6)


def test_too_few_frames_write_nothing(tm23, emt_copy):
    before = emt_copy.database["datasets"].count_documents({})
    ran = tm23("dataset", "create", "paper", "--from", QUERY, "--split", "full")
    assert ran.code == 2
    assert "1000 frames" in ran.err
    assert emt_copy.database["datasets"].count_documents({}) == before
    assert "paper" not in tm23("dataset", "list").out


def test_a_query_over_several_recipes_is_refused(tm23, emt_copy):
    ran = tm23("dataset", "create", "mixed", "--from", "metal=Cu", "--split", "fraction")
    assert ran.code == 2
    assert "recipes" in ran.err


def test_numbers_of_a_split_must_be_numbers(tm23, emt_copy):
    ran = tm23("dataset", "create", "x", "--from", QUERY, "--split", "fraction", "--set", "a=b")
    assert ran.code == 2
    assert "name and a number" in ran.err
