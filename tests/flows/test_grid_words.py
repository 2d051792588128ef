"""Grid searches in words: axes, pieces of a grid, and what is not written like that."""

import pytest

from tm23flows.errors import InputError, NotFoundError
from tm23flows.flows.grid_words import grid_search_flow, read_axes


def test_axes_in_words():
    assert read_axes(["nmax=6,8", "cutoff_A=4.5", "descriptor=B1,B2", "parity=true,false"]) == {
        "nmax": [6, 8],
        "cutoff_A": [4.5],
        "descriptor": ["B1", "B2"],
        "parity": [True, False],
    }
    assert read_axes(["l_max:n_features=1:32,2:16"]) == {
        "l_max:n_features": [{"l_max": 1, "n_features": 32}, {"l_max": 2, "n_features": 16}]
    }
    assert read_axes([]) == {}


@pytest.mark.parametrize(
    "word",
    ["", "nmax", "nmax=", "=6", "nmax=6,,8", "a:b=1", "a:b=1:2,3", "a:=1:2", "a=1:2", "a:b=1:"],
)
def test_what_is_no_axis_is_one_sentence(word):
    with pytest.raises(InputError, match="no axis of a grid"):
        read_axes([word])


def test_an_axis_is_given_once():
    with pytest.raises(InputError, match="'nmax' of the grid is given twice"):
        read_axes(["nmax=6", "nmax=8"])


def names(flow):
    return [job.name for job in flow.jobs]


def test_words_make_a_flow(emt_archive):
    flow = grid_search_flow(emt_archive, "flare", "Cu-demo", ["nmax=6,8", "lmax=2,3"], seed=4)
    assert len(flow.jobs) == 9
    assert flow.name == "Cu flare grid search"
    dataset = emt_archive.dataset("Cu-demo").id
    assert flow.jobs[0].function_args == (dataset, "flare", {"nmax": 6, "lmax": 2}, 4, "train")


def test_words_restrict_a_grid(emt_archive):
    def models(*only, axes=("nmax=6,8", "lmax=2,3")):
        flow = grid_search_flow(emt_archive, "flare", "Cu-demo", axes, only)
        return [name.partition("model ")[2] for name in names(flow) if " model " in name]

    assert models("nmax=8") == ["nmax=8 lmax=2", "nmax=8 lmax=3"]
    assert models("nmax=8", "lmax=3") == ["nmax=8 lmax=3"]
    assert models("nmax:lmax=6:3,8:2") == ["nmax=6 lmax=3", "nmax=8 lmax=2"]
    assert len(models("nmax=7", "lmax=4", axes=())) == 3  # of the grid that is offered
    with pytest.raises(InputError, match="No point of the grid has nmax=9"):
        models("nmax=9")


def test_a_dataset_without_the_parts_is_refused(emt_archive, monkeypatch):
    with pytest.raises(NotFoundError):
        grid_search_flow(emt_archive, "flare", "nothing", ["nmax=6"])
    other = emt_archive.dataset("Cu-demo").model_copy(update={"parts": {"train": ()}})
    monkeypatch.setattr(type(emt_archive), "dataset", lambda _, __: other)
    with pytest.raises(InputError, match=r"wants the part 'test', but 'x' has train: .*--split"):
        grid_search_flow(emt_archive, "flare", "x", ["nmax=6"])
