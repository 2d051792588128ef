"""Errors for users: one family, one exit code, and still what Python calls them."""

import inspect

import pytest

from tm23flows import errors

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_a_user_ends_the_program_with_two(kind):
    assert issubclass(kind, errors.TM23Error)
    assert kind("Do this.").exit_code == 2
    assert str(kind("Do this.")) == "Do this."
    assert kind.__doc__


def test_the_kinds_are_the_promised_ones():
    assert {kind.__name__ for kind in KINDS} == {
        "TM23Error", "InputError", "MissingDependencyError", "DatabaseError", "NotFoundError",
        "PhysicsError", "OutOfTimeError", "DiskFullError", "TrainingError", "TooFewFramesError",
        "DecodeRefusedError", "ResultsKeptError", "StaleClaimError",
    }  # fmt: skip


def test_wrong_input_is_a_value_error_and_a_missing_document_a_lookup_error():
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.NotFoundError, LookupError)
    assert not issubclass(errors.DatabaseError, ValueError)
