"""Secrets: found wherever they are, and never repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.ops.audit.secrets import find_secrets, is_secret, known_secrets

SECRETS = [
    "mongodb://user:S3CRET@host/db",
    "see mongodb+srv://a:b@c for more",
    "-----BEGIN RSA PRIVATE KEY-----",
    "ghp_" + "a1B2" * 9,
    "Bearer abcdefghijklmnopqrstuvwx",
    "AKIA" + "ABCDEFGH23456789",
]
PLAIN = [
    "mongodb://host:27017",
    "mongodb://user:***@host",
    "somebody@example.org",
    "host:/a/folder/launcher_2026-01-01",
    "a" * 64,
    "the password is not here",
    "file POSCAR, sha256 " + "b" * 64,
]


@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_secret_is_one(text):
    assert is_secret(text)
    assert list(find_secrets({"a": [{"b": text}]})) == ["a[0].b"]


@pytest.mark.parametrize("text", PLAIN)
def test_what_does_not_is_none(text):
    assert not is_secret(text)


@pytest.mark.parametrize("name", ["password", "api_key", "MP_API_KEY", "db_passwd", "secret"])
def test_a_field_with_such_a_name_holds_one(name):
    assert list(find_secrets({"x": {name: "hunter2"}})) == [f"x.{name}"]
    assert list(find_secrets({"x": {name: ""}})) == []
    assert list(find_secrets({"x": {name: None}})) == []


def nested(inner):
    return st.lists(inner, max_size=3) | st.dictionaries(
        st.text("xyz", min_size=1), inner, max_size=3
    )


documents = st.recursive(st.none() | st.integers() | st.text("abc @:/"), nested, max_leaves=8)


@given(documents, st.lists(st.sampled_from(["list", "dict"]), max_size=5), documents)
def test_a_known_secret_is_found_at_any_depth(beside, way, other):
    value = "before S3CRET after"
    for step in way:
        value = [beside, value] if step == "list" else {"k": value, "other": other}
    assert list(find_secrets(value, {"S3CRET"}))
    assert not any("S3CRET" in path for path in find_secrets(value, {"S3CRET"}))


def test_a_secret_as_the_name_of_a_field_is_not_repeated():
    assert list(find_secrets({"a": {"S3CRET": 1}}, {"S3CRET"})) == ["a"]


def test_the_secrets_of_this_machine(monkeypatch):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    monkeypatch.delenv("PMG_MAPI_KEY", raising=False)
    assert known_secrets() == set()
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://u:p%40ssword@host")
    monkeypatch.setenv("MP_API_KEY", "abcdef123456")
    assert known_secrets() == {"p%40ssword", "p@ssword", "abcdef123456"}
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://u:x@host")
    assert known_secrets() == {"abcdef123456"}
