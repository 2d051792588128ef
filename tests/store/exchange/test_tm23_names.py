"""Names of the files in TM23's archive."""

from contextlib import ExitStack

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange.tm23_names import NAME, archive_files


@pytest.fixture
def touch(tmp_path):
    def touch(*names):
        for name in names:
            (tmp_path / name).touch()
        return [tmp_path / name for name in names]

    return touch


def find(paths, metal=None):
    with ExitStack() as stack:
        return archive_files(paths, metal, stack)


@pytest.mark.parametrize(
    ("name", "regime", "part", "count"),
    [
        ("Cu_2700cwm_train.xyz", None, "train", 2700),
        ("Cu_2700cwm_test.xyz", None, "test", 300),
        ("W_cold_nequip_train.xyz", "cold", "train", 900),
        ("Ti_melt_nequip_test.xyz", "melt", "test", 100),
    ],
)
def test_a_name_says_temperature_part_and_count(touch, name, regime, part, count):
    (found,) = find(touch(name))
    assert (found.regime, found.part, found.count) == (regime, part, count)
    assert found.metal == name.split("_")[0]


@pytest.mark.parametrize(
    "name",
    ["Cu_2700cwm_nequip_train.xyz", "cu_cold_nequip_train.xyz", "Cu_cold_train.xyz", "x.xyz"],
)
def test_other_names_are_none(touch, name):
    assert NAME.fullmatch(name) is None
    with pytest.raises(InputError, match="no name of a file of TM23's archive"):
        find(touch(name))


def test_a_folder_gives_the_files_of_one_metal(touch, tmp_path):
    touch(
        "Cu_cold_nequip_train.xyz", "Cu_warm_nequip_train.xyz", "Os_cold_nequip_train.xyz", "a.xyz"
    )
    assert [one.regime for one in find([tmp_path], "Cu")] == ["cold", "warm"]
    with pytest.raises(InputError, match="files of Cu, Os"):
        find([tmp_path])
    with pytest.raises(InputError, match="not one of the 27 metals"):
        find([tmp_path], "Xx")
