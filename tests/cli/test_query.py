import pytest


def test_count_as_json(tm23, emt_archive):
    ran = tm23("query", "--metal", "Cu", "--regime", "melt", "--sigma", "1.0", "--engine", "emt",
               "--count", "--json")  # fmt: skip
    assert ran.code == 0
    wanted = {"element": "Cu", "regime": "melt", "recipe.sigma_eV": 1.0}
    assert ran.json == {"count": emt_archive.database["labels"].count_documents(wanted)}
    assert ran.json["count"] > 0


def test_nothing_counts_zero(tm23, emt_archive):
    ran = tm23("query", "--metal", "Os", "--count", "--json")
    assert (ran.code, ran.json) == (0, {"count": 0})


@pytest.mark.parametrize(
    ("words", "test"),
    [
        (("--regime", "cold"), lambda row: row["regime"] == "cold"),
        (("--temperature", "339.5"), lambda row: row["temperature_K"] == 339.5),
        (("--kmesh", "2x2x2"), lambda row: row["kmesh"] == "2x2x2"),
        (("--sigma", "1.0"), lambda row: row["sigma_eV"] == 1.0),
        (("--nelect-shift", "0"), lambda row: row["electron_shift"] == 0),
        (("--first-step", "20", "--last-step", "30"), lambda row: 20 <= row["step"] <= 30),
    ],
)
def test_each_filter_keeps_exactly_the_rows_that_match(tm23, emt_archive, words, test):
    everything = tm23("query", "--json").json
    rows = tm23("query", *words, "--json").json
    assert {row["label_id"] for row in rows} == {r["label_id"] for r in everything if test(r)}
    assert rows


def test_table_names_units_and_counts_frames(tm23, emt_archive):
    ran = tm23("query", "--metal", "Cu", "--kmesh", "2x2x2")
    assert "sigma (eV)" in ran.out
    assert all(
        row["label_id"][:12] in ran.out for row in tm23("query", "--kmesh", "2x2x2", "--json").json
    )
    assert "6 labels of 6 frames" in ran.out


def test_frames_of_one_run(tm23, emt_archive):
    run = emt_archive.database["trajectories"].find_one()["_id"]
    rows = tm23("query", "--trajectory", run, "--json").json
    frames = emt_archive.database["frames"].count_documents({"trajectory_id": run})
    assert len({row["frame_id"] for row in rows}) == frames
