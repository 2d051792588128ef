"""``tm23 query``: the words of queries as options, rows as tables and as JSON."""

import inspect
import json

import pytest

from tm23flows.cli import query as command
from tm23flows.store.query.where import FIELDS, OPERATORS
from tm23flows.store.query.words import Query


def test_count_as_json(tm23, emt_archive):
    ran = tm23("query", "--metal", "Cu", "--regime", "melt", "--sigma", "1.0", "--engine", "emt",
               "--count", "--json")  # fmt: skip
    assert ran.code == 0
    wanted = {"element": "Cu", "regime": "melt", "recipe.sigma_eV": 1.0}
    assert ran.json == {"count": emt_archive.database["labels"].count_documents(wanted)}
    assert ran.json["count"] > 0
    assert tm23("query", "--sigma", "1.0", "--regime", "melt", "--count").out == (
        f"{ran.json['count']}\n"
    )


def test_nothing_counts_zero(tm23, emt_archive):
    ran = tm23("query", "--metal", "Os", "--count", "--json")
    assert (ran.code, ran.json) == (0, {"count": 0})


def test_every_word_of_a_query_is_an_option_without_its_unit():
    options = set(inspect.signature(command.query).parameters)
    words = {command.WORD_OF.get(name, name) for name in options}
    assert words - {"frames", "count", "limit", "as_json"} == set(Query.model_fields)
    for option, word in command.WORD_OF.items():
        assert word.startswith(f"{option}_"), "only the unit is left out"


def test_the_help_lists_what_conditions_know():
    text = " ".join(inspect.getdoc(command.query).split())
    assert f"one of {' '.join(OPERATORS)}".replace(" = ", " ") in text.replace(" = ", " ")
    listed = text.partition("one of: ")[2]
    known = set()
    for word in listed.split():
        head, brace, tail = word.partition("{")
        known |= {head + one for one in tail.rstrip("}").split(",")} if brace else {head}
    assert known == set(FIELDS)


@pytest.mark.parametrize(
    ("words", "test"),
    [
        (("--regime", "cold"), lambda row: row["regime"] == "cold"),
        (("--temperature", "339.5"), lambda row: row["temperature_K"] == 339.5),
        (("--kmesh", "2x2x2"), lambda row: row["kmesh"] == "2x2x2"),
        (("--sigma", "1.0"), lambda row: row["sigma_eV"] == 1.0),
        (("--electron-shift", "0"), lambda row: row["electron_shift"] == 0),
        (("--nelect-shift", "0"), lambda row: row["electron_shift"] == 0),
        (("--first-step", "20", "--last-step", "30"), lambda row: 20 <= row["step"] <= 30),
        (("--min-force", "2"), lambda row: row["max_force_eV_per_A"] >= 2),
        (("--max-energy", "0.3"), lambda row: row["energy_eV_per_atom"] <= 0.3),
        (("--max-stress", "0.03"), lambda row: row["max_stress_eV_per_A3"] <= 0.03),
        (("--created-after", "2020-01-01"), lambda row: row["created"] >= "2020"),
        (("--where", "step>=20", "--where", "step!=30"), lambda row: row["step"] >= 20
         and row["step"] != 30),
        (("--no-kmesh-converged",), lambda _: True),
    ],
)  # fmt: skip
def test_each_filter_keeps_exactly_the_rows_that_match(tm23, emt_archive, words, test):
    everything = tm23("query", "--json").json
    rows = tm23("query", *words, "--json").json
    assert {row["label_id"] for row in rows} == {r["label_id"] for r in everything if test(r)}
    assert rows


def test_members_of_a_dataset(tm23, emt_archive):
    parts = emt_archive.dataset("Cu-demo").parts
    rows = tm23("query", "--dataset", "Cu-demo", "--part", "train", "--json").json
    assert {row["label_id"] for row in rows} == set(parts["train"])


def test_table_names_units_and_counts_frames(tm23, emt_archive):
    ran = tm23("query", "--metal", "Cu", "--kmesh", "2x2x2")
    assert "sigma (eV)" in ran.out
    assert "max force (eV/A)" in ran.out
    assert all(
        row["label_id"][:12] in ran.out for row in tm23("query", "--kmesh", "2x2x2", "--json").json
    )
    assert "6 labels of 6 frames" in ran.out


def test_a_long_table_ends_with_how_many_more_there_are(tm23, emt_archive, monkeypatch):
    total = tm23("query", "--count", "--json").json["count"]
    ran = tm23("query", "--limit", 2)
    assert f"2 of {total} labels are shown, there are {total - 2} more: --limit 0" in ran.out
    assert len(ran.out.splitlines()) == 4
    monkeypatch.setattr(command, "PAGE", 5)
    everything = tm23("query", "--limit", 0)
    frames = emt_archive.database["frames"].count_documents({})
    assert everything.out.splitlines()[-1] == f"{total} labels of {frames} frames"
    pages = -(-total // 5)
    assert everything.out.count("sigma (eV)") == pages
    assert len(everything.out.splitlines()) == total + pages + 1


def test_frames_of_one_run(tm23, emt_archive):
    run = emt_archive.database["trajectories"].find_one()["_id"]
    rows = tm23("query", "--trajectory", run, "--json").json
    frames = emt_archive.database["frames"].count_documents({"trajectory_id": run})
    assert len({row["frame_id"] for row in rows}) == frames
    listed = tm23("query", "--frames", "--trajectory", run[:12], "--json").json
    assert {row["frame_id"] for row in listed} == {row["frame_id"] for row in rows}


def test_frames_are_listed_without_labels(tm23, archive, make_frame):
    archive.put(make_frame(1, tags={"event": "7", "re_atoms": [1, 2], "note": "[bold]"}))
    archive.put(make_frame(2))
    ran = tm23("query", "--frames")
    assert "event=7 note=[bold]" in ran.out
    assert "re_atoms" not in ran.out
    assert "2 frames" in ran.out
    assert tm23("query", "--frames", "--tag", "event=7", "--count").out == "1\n"
    ran = tm23("query", "--frames", "--engine", "emt")
    assert (ran.code, ran.out) == (2, "")
    assert "(engine=emt) finds no frames" in ran.err


def test_json_is_streamed(tm23, emt_archive, monkeypatch):
    """The first row is out before the second is read."""
    printed = []
    monkeypatch.setattr("typer.echo", lambda text, **_: printed.append(text))

    def rows(*_):
        yield {"frame_id": 1}
        yield {"frame_id": 2}
        assert any('"frame_id": 1' in text for text in printed)
        yield {"frame_id": 3}

    monkeypatch.setattr("tm23flows.store.query.rows.label_rows", rows)
    assert tm23("query", "--json").code == 0
    text = "".join(f"{one}\n" for one in printed)
    assert json.loads(text) == [{"frame_id": 1}, {"frame_id": 2}, {"frame_id": 3}]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--where", "forces>1"), "know no field 'forces'"),
        (("--where", "step~1"), "no condition"),
        (("--tag", "$where=1"), "no tag"),
        (("--part", "train"), "dataset"),
        (("--created-after", "today"), "no date"),
        (("--engine", "$ne"), "engine"),
        (("--frame", "xyz"), "no id"),
    ],
)
def test_wrong_words_need_no_database(tm23, words, why):
    ran = tm23("query", *words)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert ran.err.count("\n") == 1


def test_json_takes_a_limit_too(tm23, emt_archive):
    everything = tm23("query", "--json").json
    assert len(everything) == tm23("query", "--count", "--json").json["count"]
    assert tm23("query", "--json", "--limit", 2).json == everything[:2]
    assert tm23("query", "--json", "--limit", 0).json == everything
