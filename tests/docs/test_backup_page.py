"""docs/operations/backup.md says what brings an archive back: its commands are run."""

import re
import shlex
import shutil
import subprocess
from contextlib import suppress

import pytest
from page_words import page, table
from typer.testing import CliRunner

from tm23flows.cli.main import app
from tm23flows.errors import DatabaseError
from tm23flows.ops.fireworks_config import JOBFLOW_DATABASE, LAUNCHPAD_DATABASE
from tm23flows.settings import TM23Settings
from tm23flows.store.archive import Archive
from tm23flows.store.collections import CHECKPOINTS, CLAIMS, COLLECTIONS, TRAININGS
from tm23flows.store.embedded import process
from tm23flows.store.exchange.dump_file import MEMBERS
from tm23flows.store.raw_outputs import COLLECTION as RAW_OUTPUTS

TEXT = page("operations/backup")
FILE = "tm23-archive.tm23.tar.xz"
FOLDERS = {"~/.local/share/tm23flows/db": "db", "~/backup": "backup", "/tmp": "restore"}


def block(words):
    """Lines of the one block that begins with these words."""
    blocks = re.findall(r"(?:^ {4}\S.*\n)+", TEXT, re.MULTILINE)
    (found,) = [one for one in blocks if one.startswith(f"    {words}")]
    return [line.strip() for line in found.splitlines()]


@pytest.fixture
def type_in(tmp_path, monkeypatch):
    """A function that does what a line of the page says, with its folders in a new place."""
    started = set()

    def run(line):
        places = "|".join(map(re.escape, FOLDERS))
        line = re.sub(places, lambda found: str(tmp_path / FOLDERS[found[0]]), line)
        eval_of = re.fullmatch(r'eval "\$\((.+)\)"', line)
        words = shlex.split(eval_of[1] if eval_of else line, comments=True)
        if words[0] != "tm23":
            subprocess.run(words, check=True)
            return ""
        if words[:3] == ["tm23", "db", "start"]:
            started.add(words[words.index("--path") + 1] if "--path" in words else "")
        done = CliRunner().invoke(app, words[1:], catch_exceptions=False)
        assert done.exit_code == 0, f"{line}: {done.output}"
        for name, value in re.findall(r"^export (\w+)='(.*)'$", done.output, re.MULTILINE):
            if eval_of:
                monkeypatch.setenv(name, value)
        return done.output

    monkeypatch.chdir(tmp_path)
    (tmp_path / "restore").mkdir()
    (tmp_path / "backup").mkdir()
    yield run
    for path in started:
        with suppress(OSError):
            process.stop(tmp_path / (path or "db"))


def ids(archive):
    return {
        name: sorted(one["_id"] for one in archive.database[name].find({}, {"_id": 1}))
        for name in COLLECTIONS
    }


def test_a_dump_comes_back_as_the_page_says(
    archive, type_in, monkeypatch, tmp_path, make_frame, make_label
):
    frames = [make_frame(seed) for seed in range(3)]
    archive.put(*frames, *map(make_label, frames))
    before = ids(archive)
    type_in(*block("tm23 db dump tm23-archive"))
    assert (tmp_path / FILE).is_file()
    monkeypatch.setenv("TM23_DATABASE", "tm23")
    lines = block("tm23 db start --path /tmp/tm23-restore")
    assert [line.split()[1] for line in lines] == [
        "db", '"$(tm23', "import", "audit", "status", "report", "db",
    ]  # fmt: skip
    for line in lines[:-1]:
        type_in(line)
    assert ids(Archive.open()) == before
    assert (tmp_path / "restored" / "index.html").is_file()
    for line in block("tm23 doctor")[1:]:  # tm23 doctor is of the installation, which tests lack
        type_in(line)
    type_in(*block("tm23 import tm23-archive"))
    assert ids(Archive.open()) == before
    type_in(lines[-1])


def test_a_damaged_archive_is_left_and_a_new_one_takes_its_place(
    archive, type_in, monkeypatch, make_frame, make_label
):
    frame = make_frame(1)
    archive.put(frame, make_label(frame))
    before = ids(archive)
    type_in(*block("tm23 db dump tm23-archive"))
    archive.database["labels"].update_one({}, {"$set": {"energies.free": 99.0}})
    declared, imported = block("export TM23_DATABASE=")
    with pytest.raises(DatabaseError, match="is not what it should be"):
        type_in(imported)
    monkeypatch.setenv("TM23_DATABASE", declared.partition("=")[2])
    type_in(imported)
    restored = Archive.open()
    assert ids(restored) == before
    type_in("tm23 audit")
    restored.database.client.drop_database(restored.database.name)


def test_a_copy_of_the_folder_is_the_database(type_in, monkeypatch, tmp_path, make_frame):
    monkeypatch.setenv("TM23_DB_PATH", str(tmp_path / "db"))
    monkeypatch.setenv("TM23_DB_PORT", "0")
    monkeypatch.delenv("TM23_MONGO_URI", raising=False)
    type_in("tm23 db start")
    Archive.open().put(make_frame(1))
    before = ids(Archive.open())
    for line in block("tm23 db stop"):
        type_in(line)
    Archive.open().put(make_frame(2))
    for line in block("tm23 db start --path ~/backup/tm23-db"):
        type_in(line)
    assert ids(Archive.open()) == before
    shutil.rmtree(tmp_path / "db" / "config")


def test_every_database_is_on_the_page():
    named = " ".join(row[0] + row[1] for row in table(TEXT, "what", "where"))
    archive = TM23Settings.model_fields["database"].default
    for name in (archive, LAUNCHPAD_DATABASE, JOBFLOW_DATABASE, "TM23_OUTBOX", "raw_outputs"):
        assert f"`{name}`" in named
    for name in (archive, LAUNCHPAD_DATABASE, JOBFLOW_DATABASE):
        assert f"--db {name} " in TEXT


def test_what_a_dump_leaves_out_is_said():
    assert not {CLAIMS, TRAININGS, CHECKPOINTS, RAW_OUTPUTS} & set(MEMBERS)
    (words,) = re.findall(r"The launchpad, (.+?) are \*\*not\*\* in it", TEXT, re.DOTALL)
    assert all(one in words for one in ("claims", "trainings", "checkpoints", "raw outputs"))
