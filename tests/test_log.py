"""Lines of the log: one per event, whole, with ids, and never with a secret."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows import log
from tm23flows.log import blank_secrets, get_log

PASSWORD = "S3CRET-p@ss/word"
WRITTEN = "S3CRET-p%40ss%2Fword"
URI = f"mongodb://worker:{WRITTEN}@db.example.org:27017/tm23?authSource=admin"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_LOG_FILE", str(tmp_path / "events.log"))
    return tmp_path / "events.log"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_per_event_with_ids(path):
    get_log().info("task.begun", task="abc", claim_token=3, n=1.5, nothing=None, yes=True)
    get_log().warning("two\nlines", text="a\r\nb\u2028c")
    first, second = lines(path)
    assert first["event"] == "task.begun"
    assert first["level"] == "info"
    assert first["pid"] == os.getpid()
    assert first["timestamp"].endswith("Z")
    assert (first["task"], first["claim_token"], first["n"]) == ("abc", 3, 1.5)
    assert (first["nothing"], first["yes"]) == (None, True)
    assert (second["event"], second["text"]) == ("two\nlines", "a\r\nb\u2028c")
    assert path.stat().st_mode & 0o077 == 0


def test_without_a_file_only_warnings_are_told(capsys):
    get_log().info("nothing to see")
    get_log().error("look", at="this")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["at"] == "this"


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TM23_LOG_FILE", str(tmp_path / "no" / "such" / "folder"))
    get_log().info("task.begun", task="abc")
    assert '"task": "abc"' in capsys.readouterr().err
    monkeypatch.setenv("TM23_LOG_FILE", "/dev/full")
    get_log().info("task.done", task="abc")
    assert "No space left" in capsys.readouterr().err


SECRETS = [
    {"uri": URI}, {"mongo_uri": URI}, {"message": f"cannot reach {URI}, sorry"},
    {"nested": {"a": [URI, {"b": URI}]}}, {"nested": {"password": PASSWORD}},
    {"nested": [{"api_key": PASSWORD}]}, {"error": ValueError(f"bad {URI}")},
    {"set": {URI}}, {"bytes": URI.encode()}, {"db_password": PASSWORD}, {"Token": PASSWORD},
    {"text": f"password {PASSWORD} alone"}, {"text": f"{WRITTEN} as it is written"},
    {URI: "a name"}, {"nested": {URI: 1}}, {"keys": {"k": (URI,)}},
]  # fmt: skip


@pytest.mark.parametrize("words", SECRETS, ids=range(len(SECRETS)))
def test_no_secret_is_ever_written(path, monkeypatch, words):
    monkeypatch.setenv("TM23_MONGO_URI", URI)
    get_log().info("event", **words)
    text = path.read_text()
    assert "S3CRET" not in text
    assert "***" in text
    json.loads(text)


def test_tracebacks_are_blanked_too(path, monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", URI)
    try:
        int(URI)
    except ValueError:
        get_log().exception("failed")
    (line,) = lines(path)
    assert "ValueError" in line["exception"]
    assert "S3CRET" not in path.read_text()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=20)


@given(JSON, PASSWORDS, st.text(max_size=5), st.text(max_size=5))
def test_passwords_in_uris_are_blanked_wherever_they_are(value, password, before, after):
    from urllib.parse import quote

    marked = "QQ" + password  # nothing else in the event has it
    uri = f"mongodb://user:{quote(marked, safe='')}@host/db"
    event = {"event": f"{before}{uri} {after}", "value": [value, {"deep": uri}]}
    found = blank_secrets(None, "info", event)
    assert quote(marked, safe="") not in json.dumps(found, default=str)
    if "://" not in json.dumps(value):
        assert json.dumps(found["value"][0], default=str) == json.dumps(
            without_named(value), default=str
        )


def without_named(value):
    if isinstance(value, dict):
        return {k: "***" if log._SECRET_NAME.search(k) else without_named(v)
                for k, v in value.items()}  # fmt: skip
    return [without_named(one) for one in value] if isinstance(value, list) else value


WRITER = """
import sys
from tm23flows.log import get_log
for number in range(100):
    get_log().info("event", who=sys.argv[1], number=number, text="x" * 500)
"""


def test_lines_of_many_processes_stay_whole(path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name]) for name in "ab"]
    assert [one.wait() for one in writers] == [0, 0]
    found = lines(path)
    assert len(found) == 2 * 100
    for name in "ab":
        assert [one["number"] for one in found if one["who"] == name] == list(range(100))
