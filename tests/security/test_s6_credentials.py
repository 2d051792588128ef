"""S6: the password of the database appears in nothing that is written or shown (I10).

The embedded database knows no users. So that its URI can have a password, the driver is told
that it has logged in, in this process and in all that are started; all else is as in use.
"""

import os
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from careless_jobs import tell_the_uri
from jobflow import Flow
from pymongo.synchronous import auth

from tm23flows.cli.execution import write_workflow
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.ops.fireworks_config import write_config
from tm23flows.ops.launchpad import open_launchpad
from tm23flows.settings import get_settings
from tm23flows.store.archive import Archive
from tm23flows.store.connect import connect

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# A word that no other test has: their databases are on this server too.
PASSWORD = "Wh1sper-/pw@4711"
WRITTEN = quote(PASSWORD, safe="")
SPELLINGS = (PASSWORD, WRITTEN, "Wh1sper")
CONFIGURATION = {"my_launchpad.yaml", "jobflow.yaml"}
"""Files that have to hold it, and that only their owner may read."""

LOGGED_IN = """
from pymongo.synchronous import auth
auth.authenticate = lambda *_given, **_more: None
"""


@pytest.fixture
def secret_uri(database_server, monkeypatch):
    """A URI with a password, under which the database answers."""
    monkeypatch.setattr(auth, "authenticate", lambda *_given, **_more: None)
    uri = f"mongodb://tm23worker:{WRITTEN}@127.0.0.1:{database_server.port}/"
    monkeypatch.setenv("TM23_MONGO_URI", uri)
    return uri


@pytest.fixture
def place(tmp_path, secret_uri, monkeypatch, database_server):
    """A folder with everything that a user has: settings, FireWorks' files, and a launch folder."""
    names = [f"s6-{kind}-{os.getpid()}" for kind in ("archive", "launchpad")]
    variables = write_config(tmp_path / "config", secret_uri, launchpad=names[1])
    open_launchpad(secret_uri, names[1])
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(LOGGED_IN)
    for name, value in {
        **variables,
        "TM23_DATABASE": names[0],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(site), str(Path(__file__).parent), str(ROOT)]),
        "TM23_LOG_FILE": str(tmp_path / "events.log"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "launch").mkdir()
    monkeypatch.chdir(tmp_path / "launch")
    yield tmp_path
    client = connect(secret_uri)
    for name in names:
        client.drop_database(name)


def command(place, *words):
    """Run a command as a user does, and keep what it says."""
    done = subprocess.run(
        [BIN / words[0], *map(str, words[1:])],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    with (place / "said.log").open("a") as log:
        log.write(f"$ {words}\n{done.stdout}\n{done.stderr}\n")
    return done


def leaks(text):
    return [one for one in SPELLINGS if one in text]


def open_files(place):
    """Yield the files below a folder in which the password is, but for the configuration."""
    for path in place.rglob("*"):
        if path.is_file() and path.name not in CONFIGURATION:
            found = leaks(path.read_bytes().decode(errors="replace"))
            if found:
                yield path, found


@pytest.mark.slow
def test_the_whole_chain_tells_nobody(place, emt_maker, secret_uri, tm23, monkeypatch):
    monkeypatch.setattr("tm23flows.ops.doctor.CHECKS", _without_imports())
    assert tm23("build", "Cu", "--engine", "emt", "-o", "built.yaml").code == 0
    careless = tagged(tell_the_uri(), "careless", "analyse", "Cu")
    write_workflow(Flow([emt_maker.make("Cu"), careless]), Path("wf.yaml"))
    bad = LabelMaker().make(["0" * 64], 1, "Cu", "cold")
    write_workflow(bad, Path("bad.yaml"))
    assert "Traceback" not in command(place, "lpad", "add", "wf.yaml", "bad.yaml").stderr
    assert command(place, "rlaunch", "rapidfire", "--sleep", "1").returncode == 0
    failed = connect(secret_uri)[os.environ["TM23_DATABASE"].replace("archive", "launchpad")]
    assert failed["fireworks"].count_documents({"state": "FIZZLED"}) == 2
    assert failed["fireworks"].count_documents({"state": "COMPLETED"}) > 3

    archive = Archive.open()
    frame = next(iter(archive.frames()))
    for words in (
        ["status"], ["status", "--json"], ["audit"], ["doctor"], ["query", "--metal", "Cu"],
        ["trace", frame.id], ["report", "-o", place / "report.html"], ["rerun", "--dry-run"],
        ["db", "env"], ["db", "status"],
    ):  # fmt: skip
        ran = tm23(*words)
        assert not leaks(ran.out + ran.err), words
    assert (place / "report.html").stat().st_size > 10_000

    assert list(open_files(place)) == []
    for name in CONFIGURATION:
        (path,) = place.rglob(name)
        assert WRITTEN in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    client = connect(secret_uri)
    dumped = 0
    # archives of other tests are on this server, and some have a secret in them on purpose
    for name in (one for one in client.list_database_names() if not one.startswith("test-")):
        for collection in client[name].list_collection_names():
            for document in client[name][collection].find():
                dumped += 1
                assert not leaks(repr(document)), (name, collection, document["_id"])
    assert dumped > 100


def test_the_search_finds_the_password(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/x").write_text(f"--{PASSWORD}--")
    (tmp_path / "y").write_text(f"mongodb://a:{WRITTEN}@h")
    assert len(list(open_files(tmp_path))) == 2


@pytest.mark.parametrize(
    "words", [["status"], ["audit"], ["query", "--metal", "Cu"], ["doctor"], ["report", "-o", "x"]]
)
def test_no_command_tells_it_when_nothing_answers(words, tm23, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tm23flows.store.connect.SELECTION_TIMEOUT_MS", 100)
    monkeypatch.setattr("tm23flows.ops.doctor.CHECKS", _without_imports())
    monkeypatch.setenv("TM23_MONGO_URI", f"mongodb://me:{WRITTEN}@127.0.0.1:9/")
    ran = tm23(*words)
    assert ran.code in (1, 2)
    assert not leaks(ran.out + ran.err)


def _without_imports():
    from tm23flows.ops import doctor

    names = ("settings", "database", "passwords", "indexes")
    return {name: doctor.CHECKS[name] for name in names}


def test_a_login_that_fails_tells_it_neither(database_server, tm23, monkeypatch):
    """The embedded database refuses to log anybody in: an error of the server, with our URI."""
    uri = f"mongodb://me:{WRITTEN}@127.0.0.1:{database_server.port}/"
    monkeypatch.setenv("TM23_MONGO_URI", uri)
    ran = tm23("status")
    assert ran.code == 2
    assert not leaks(ran.out + ran.err)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_settings_with_a_password_that_others_may_read_are_refused(
    mode, tm23, tmp_path, monkeypatch
):
    path = tmp_path / "settings.yaml"
    path.write_text(f"mongo_uri: mongodb://me:{WRITTEN}@127.0.0.1:9/\n")
    path.chmod(mode)
    monkeypatch.setenv("TM23_CONFIG_FILE", str(path))
    ran = tm23("status")
    assert (ran.code, ran.out) == (2, "")
    assert f"chmod 600 {path}" in ran.err
    assert not leaks(ran.err)
    path.chmod(0o600)
    assert get_settings().mongo_uri is not None


@pytest.mark.parametrize("broken", ["\tx", "  y: [", ": :", "'"])
def test_a_settings_file_that_cannot_be_read_is_not_quoted(broken, tm23, tmp_path, monkeypatch):
    path = tmp_path / "settings.yaml"
    path.write_text(f"mongo_uri: mongodb://me:{WRITTEN}@h/{broken}\n{broken}: mongodb://Wh1sper\n")
    path.chmod(0o600)
    monkeypatch.setenv("TM23_CONFIG_FILE", str(path))
    with pytest.raises(InputError) as refused:
        get_settings()
    assert not leaks(str(refused.value))


@pytest.mark.parametrize("option", ["-l", "-w"])
def test_a_worker_does_not_start_with_open_files(option, tm23, database, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(
        "TM23_LOG_FILE", str(tmp_path / "events")
    )  # the command sets it if it is not
    path = tmp_path / "named.yaml"
    path.write_text(f"name: x\nhost: mongodb://me:{WRITTEN}@127.0.0.1:9/\nuri_mode: true\n")
    path.chmod(0o644)
    ran = tm23("worker", option, path)
    assert (ran.code, ran.out) == (2, "")
    assert f"chmod 600 {path}" in ran.err
    assert not leaks(ran.err)


@pytest.mark.parametrize("name", ["my_launchpad.yaml", "jobflow.yaml"])
def test_the_doctor_refuses_open_files_of_others(name, place, monkeypatch, tm23):
    from fireworks import fw_config

    monkeypatch.setattr("tm23flows.ops.doctor.CHECKS", _without_imports())
    monkeypatch.setattr(fw_config, "LAUNCHPAD_LOC", str(place / "config/my_launchpad.yaml"))
    path = place / "config" / name
    path.chmod(0o644)
    ran = tm23("doctor")
    assert ran.code == 1
    assert f"chmod 600 {path}" in ran.out
    assert not leaks(ran.out + ran.err)
    path.chmod(0o600)
    assert tm23("doctor").code == 0
