QUERY = "metal=Cu,kmesh=3x3x3,sigma_eV=0.2,engine=emt"


def test_create_list_show_diff(tm23, emt_copy):
    made = tm23("dataset", "create", "mine", "--from", QUERY, "--split", "fraction",
                "--set", "train_fraction=0.5", "--json")  # fmt: skip
    assert made.code == 0
    assert (made.json["train"], made.json["test"]) == (12, 12)
    names = {row["name"] for row in tm23("dataset", "list", "--json").json}
    assert names == {"mine", "Cu-demo"}
    shown = tm23("dataset", "show", "mine", "--json").json
    assert shown["id"] == made.json["id"]
    assert shown["parts"]["train"]["n"] == len(shown["label_ids"]["train"]) == 12
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


def test_options_of_a_split_must_be_what_it_takes(tm23, emt_copy):
    def attempt(*options):
        ran = tm23("dataset", "create", "x", "--from", QUERY, "--split", "fraction", *options)
        assert ran.code == 2
        assert ran.out == ""
        assert ran.err.count("\n") == 1
        return ran.err

    assert "no such option: a; it takes train_fraction" in attempt("--set", "a=b")
    assert "is a number, not 'half'" in attempt("--set", "train_fraction=half")
    for text in ("train_fraction", "=3", "train_fraction="):
        assert "name and a value" in attempt("--set", text)
    twice = ("--set", "train_fraction=0.5", "--set", "train_fraction=0.75")
    assert "says train_fraction twice" in attempt(*twice)
    assert "30 fs are required" in attempt("--set", "min_gap_fs=30")
    assert "have no energy 'unspecified'" in attempt("--energy", "unspecified")
    assert "There is no energy 'total'" in attempt("--energy", "total")


def test_the_learning_curve_makes_a_name_per_size(tm23, emt_copy):
    create = ("dataset", "create", "curve", "--from", QUERY, "--split", "learning-curve",
              "--set", "sizes=1,3", "--set", "n_test=2")  # fmt: skip
    rows = tm23(*create, "--json").json
    assert [(row["name"], row["train"], row["test"]) for row in rows] == [
        ("curve-1", 1, 2), ("curve-3", 3, 2),
    ]  # fmt: skip
    assert "curve-3@1  Cu  3 train, 2 test" in tm23(*create).out


def test_what_is_remarkable_is_said(tm23, emt_copy):
    out = tm23("dataset", "create", "full", "--from", QUERY, "--split", "full",
               "--set", "n_train=6", "--set", "n_test=3", "--set", "allow_missing=1").out  # fmt: skip
    assert "1 frames of cold are missing" in out
    assert "at least 15 fs apart" in out
    out = tm23("dataset", "create", "thin", "--from", QUERY, "--split", "fraction",
               "--set", "thin=2").out  # fmt: skip
    assert "every 2. of" in out


def test_a_pair_under_another_recipe(tm23, emt_copy):
    made = tm23("dataset", "pair", "rough", "--from", "Cu-demo", "--with", "metal=Cu,kmesh=1x1x1",
                "--json").json  # fmt: skip
    assert (made["train"], made["test"]) == (18, 6)
    assert made["pair_of"] == emt_copy.dataset("Cu-demo").id
    ran = tm23("dataset", "pair", "wide", "--from", "Cu-demo", "--with", "sigma_eV=1.0")
    assert ran.code == 2
    assert "21 of 24 frames have no label" in ran.err
    assert "--allow-missing" in ran.err
    assert tm23("dataset", "diff", "rough", "Cu-demo").code == 1


def test_a_difference_of_order_or_energy_is_a_difference(tm23, emt_copy):
    tm23("dataset", "create", "e0", "--from", "Cu-demo", "--split", "fraction",
         "--set", "train_fraction=0.75", "--energy", "sigma0")  # fmt: skip
    ran = tm23("dataset", "diff", "Cu-demo", "e0")
    assert ran.code == 1
    assert "train: -0 +0" in ran.out
    assert "energy: free, sigma0" in ran.out
    found = emt_copy.dataset("Cu-demo")
    parts = {part: ids[::-1] for part, ids in found.parts.items()}
    emt_copy.put(turned := found.model_copy(update={"parts": parts}))
    ran = tm23("dataset", "diff", "Cu-demo", turned.id)
    assert ran.code == 1
    assert "another order" in ran.out


def test_a_card_of_a_dataset_that_leaks_ends_with_one(tm23, emt_copy):
    assert (
        "leak check    passed: smallest gap in time 15 fs" in tm23("dataset", "show", "Cu-demo").out
    )
    found = emt_copy.dataset("Cu-demo")
    leaky = found.model_copy(update={
        "parts": {"train": found.label_ids[::2], "test": found.label_ids[1::2]},
        "facts": {"required_gap_fs": 100.0},
    })  # fmt: skip
    emt_copy.put(leaky)
    ran = tm23("dataset", "show", leaky.id)
    assert ran.code == 1
    assert "FAILED" in ran.out
