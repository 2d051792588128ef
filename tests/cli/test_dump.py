"""A whole archive to a file and back through the command line: the copy answers as the first."""

from pathlib import Path

import pytest

from tm23flows.store.archive import Archive

STUDY = ("run", "study", "correlations", "--metals", "Cu", "--engine", "emt")
QUESTIONS = (
    ("audit", "--json", "--only", "I1,I2,I3,I5,I6,I7,I8,I9"),
    ("study", "list", "--json"),
    ("study", "show", "correlations", "--json"),
    ("query", "metal=Cu", "--json"),
    ("dataset", "list", "--json"),
)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def ids(archive):
    names = sorted(archive.database.list_collection_names())
    return {
        name: sorted(str(one["_id"]) for one in archive.database[name].find({}, {"_id": 1}))
        for name in names
        if name not in ("claims", "trainings", "dataset_names", "blobs.chunks")
    }


@pytest.mark.flare
def test_a_copy_answers_as_the_first_and_finds_everything(tm23, archive, monkeypatch):
    ran = tm23(*STUDY)
    ran_before = ran.code
    assert ran_before in (0, 1), ran.err  # with one metal the study has gaps
    ran = tm23("db", "dump", "cu.tm23.tar.xz", "--licence", "CC-BY-4.0", "--citation", "Us, 2026.")
    assert ran.code == 0, ran.err
    assert "1 models, 1 evaluations, 1 studies" in ran.out
    (model,) = archive.database["models"].find()

    def answers():
        said = [tm23(*words) for words in QUESTIONS]
        said.append(tm23("trace", model["_id"], "--json"))
        assert tm23("report", "-o", "page/index.html").code == 0
        return [(one.code, one.out, one.err) for one in said]

    first, known = answers(), ids(archive)
    page = Path("page/index.html").read_text()
    monkeypatch.setenv("TM23_DATABASE", archive.database.name + "-copy")
    ran = tm23("import", "cu.tm23.tar.xz")
    assert ran.code == 0, ran.err
    assert "Licence: CC-BY-4.0. Cite Us, 2026." in ran.out
    copy = Archive.open()
    assert ids(copy) == known
    assert answers() == first
    assert without_moment(Path("page/index.html").read_text(), copy) == without_moment(
        page, archive
    )
    # The same work finds everything and computes nothing.
    assert tm23(*STUDY).code == ran_before
    assert ids(copy) == known
    copy.database.client.drop_database(copy.database.name)


def without_moment(page, archive):
    """Take out of a report what says when and from which database it was made."""
    lines = page.replace(archive.database.name, "NAME").splitlines()
    return [line for line in lines if "made on" not in line.lower() and "UTC" not in line]


def test_dumps_are_imported_by_themselves(tm23, emt_archive, tmp_path):
    path = tmp_path / "cu.tm23.tar.xz"
    assert tm23("db", "dump", path, "--without-model-files").code == 0
    for words, why in (
        (("--name", "x"), "without a name"),
        (("--licence", "CC0-1.0"), "says itself"),
        (("--trust-model-files", "--without-model-files"), "not both"),
        ((tmp_path / "other.xyz",), "by themselves"),
    ):
        ran = tm23("import", path, *words)
        assert (ran.code, why in ran.err, ran.err.count("\n")) == (2, True, 1)
    renamed = path.rename(tmp_path / "anything.bin")
    assert "nothing new" in tm23("import", renamed, renamed).out


def test_options_of_dumps_are_for_dumps(tm23, archive, tmp_path):
    (tmp_path / "any.xyz").write_text("")
    assert "are for dumps" in tm23("import", "any.xyz", "--trust-model-files").err
    ran = tm23("import", "any.xyz")
    assert (ran.code, "--name NAME" in ran.err) == (2, True)


def test_an_empty_archive_makes_no_file(tm23, archive, tmp_path):
    ran = tm23("db", "dump", "a.tm23.tar.xz")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []
