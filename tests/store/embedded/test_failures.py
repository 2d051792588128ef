import bson
from pymongo.errors import DuplicateKeyError, OperationFailure

from tm23flows.store.embedded.failures import describe


def test_errors_of_the_engine_keep_code_and_message():
    assert describe(OperationFailure("no", 43)) == {"code": 43, "errmsg": "no"}
    assert describe(OperationFailure("no"))["code"] == 2


def test_a_duplicate_names_its_key_once():
    error = DuplicateKeyError("E11000 x", 11000, {"keyPattern": {"a": 1}, "keyValue": {"a": 2}})
    assert describe(error) == {
        "code": 11000,
        "errmsg": "E11000 x",
        "keyPattern": {"a": 1},
        "keyValue": {"a": 2},
    }


def test_what_is_missing_is_said():
    found = describe(NotImplementedError("geo search"))
    assert found["code"] == 238
    assert "does not offer this: geo search" in found["errmsg"]


def test_other_failures_have_codes_and_can_be_sent():
    assert describe(TypeError("x"))["code"] == 14
    assert bson.encode(describe(KeyError("x")))
