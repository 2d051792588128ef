from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tm23flows.errors import InputError
from tm23flows.trainers.base import TRAINERS, get_trainer


@pytest.mark.parametrize("name", TRAINERS)
def test_each_trainer_answers_to_its_name_and_has_defaults(name):
    trainer = get_trainer(name)
    assert trainer.name == name
    assert trainer.hyperparameters() == trainer.hyperparameters()


def test_an_unknown_trainer_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="flare, nequip"):
        get_trainer("oracle")


def test_strings_of_a_command_line_are_converted():
    settings = get_trainer("flare").hyperparameters(nmax="10", cutoff_A="4.5", descriptor="B1")
    assert (settings.nmax, settings.cutoff_A, settings.descriptor) == (10, 4.5, "B1")
    assert get_trainer("nequip").hyperparameters(parity="false").parity is False


@pytest.mark.parametrize("name", TRAINERS)
@given(key=st.from_regex(r"[a-z_]{1,12}", fullmatch=True))
def test_an_unknown_hyperparameter_is_refused_with_the_known_ones(name, key):
    trainer = get_trainer(name)
    known = type(trainer.hyperparameters()).model_fields
    if key in known:
        return
    with pytest.raises(InputError, match="cutoff_A") as caught:
        trainer.hyperparameters(**{key: 1})
    assert f"'{key}'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("flare", "nmax", "many"),
        ("flare", "nmax", 0),
        ("flare", "power", 3),
        ("flare", "descriptor", "B7"),
        ("flare", "cutoff_A", "nan"),
        ("flare", "noise_force", 2.0),
        ("nequip", "learning_rate", -1),
        ("nequip", "precision", "float16"),
        ("nequip", "max_wall_s", "inf"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(name, key, value):
    with pytest.raises(InputError, match=key) as caught:
        get_trainer(name).hyperparameters(**{key: value})
    assert "\n" not in str(caught.value)
    assert repr(value) in str(caught.value)


def test_hyperparameters_cannot_be_changed():
    with pytest.raises(ValidationError):
        get_trainer("flare").hyperparameters().nmax = 3


def test_a_trainer_refuses_the_hyperparameters_of_another(tmp_path):
    flare, nequip = get_trainer("flare"), get_trainer("nequip")
    for trainer, other in ((flare, nequip), (nequip, flare)):
        with pytest.raises(InputError, match="own hyperparameters"):
            trainer.train(tmp_path, other.hyperparameters(), tmp_path, 0)
