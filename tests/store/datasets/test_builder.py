"""The Builder under the real mrun: new labels make a version, nothing new makes none."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
import yaml
from monty.serialization import loadfn

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.datasets.builder import SEEN, DatasetBuilder
from tm23flows.store.datasets.creation import create_dataset, list_datasets

ROOT = Path(__file__).resolve().parents[3]
MRUN = Path(sys.executable).with_name("mrun")
BLOCKS = {"block_fs": 100, "gap_fs": 20, "train": 1, "test": 1}

SLOW_BUILDER = """
import time
from tm23flows.store.datasets.builder import DatasetBuilder

class Slow(DatasetBuilder):
    def update_targets(self, items):
        super().update_targets(items)
        time.sleep({pause})

__builder__ = Slow("growing", {{"metal": "Cu"}}, "block", {options}, chunk_size=10)
"""


@pytest.fixture
def add(archive, make_frame, make_label):
    """A function that stores labels of a run, 10 fs apart."""

    def put(numbers, recipe=None):
        frames = [
            make_frame(seed=n, trajectory_id="a" * 64, step=2 * n + 1, time_fs=10.0 * n)
            for n in numbers
        ]
        labels = [make_label(frame, recipe) for frame in frames]
        archive.put(*frames, *labels)
        return labels

    return put


@pytest.fixture
def config(tmp_path):
    """The shipped example with another query, and a short block."""
    shipped = yaml.safe_load((ROOT / "launchpad" / "dataset_builder.yaml").read_text())
    shipped[0] |= {"name": "growing", "query": {"metal": "Cu"}, "split_options": BLOCKS}
    path = tmp_path / "builder.yaml"
    path.write_text(yaml.safe_dump(shipped))
    return path


def mrun(path):
    ran = subprocess.run(
        [MRUN, "--no_bars", "-v", path.name],
        cwd=path.parent, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def versions(archive):
    return [(one.name, one.version, len(one.dataset.label_ids)) for one in list_datasets(archive)]


def build(archive, **settings):
    builder = DatasetBuilder("growing", {"metal": "Cu"}, **{"split_options": BLOCKS, **settings})
    builder.connect()
    items = [builder.process_item(item) for item in builder.get_items()]
    builder.update_targets(items)
    builder.finalize()
    return len(items), versions(archive)


def test_mrun_makes_a_version_of_what_is_new_and_none_of_nothing(archive, add, config):
    add(range(30))
    assert "growing@1: new" in mrun(config)
    first = archive.dataset("growing")
    assert "growing@1: nothing new" in mrun(config)
    assert [one[:2] for one in versions(archive)] == [("growing", 1)]
    add(range(30, 50))
    assert "30 labels seen before, 20 new" in mrun(config)
    assert [one[:2] for one in versions(archive)] == [("growing", 1), ("growing", 2)]
    assert archive.dataset("growing@1") == first
    second = archive.dataset("growing")
    for part, ids in first.parts.items():  # nobody has moved to another part
        assert set(ids) < set(second.parts[part])


def test_a_build_that_is_killed_goes_on(archive, add, tmp_path):
    labels = add(range(60))
    path = tmp_path / "slow.py"
    path.write_text(SLOW_BUILDER.format(pause=30, options=BLOCKS))
    running = subprocess.Popen(
        [MRUN, "--no_bars", path.name],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        while archive.database[SEEN].count_documents({}) == 0:
            assert running.poll() is None
            time.sleep(0.05)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    seen = archive.database[SEEN].count_documents({})
    assert seen == 10
    assert versions(archive) == []  # nothing half-made is visible
    path.write_text(SLOW_BUILDER.format(pause=0, options=BLOCKS))
    ran = subprocess.run(
        [MRUN, "--no_bars", "-v", path.name],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert "10 labels seen before, 50 new" in ran.stdout
    assert archive.database[SEEN].count_documents({}) == len(labels)
    whole = archive.dataset("growing")
    assert [one[:2] for one in versions(archive)] == [("growing", 1)]
    build(archive, split="block")  # the same in one piece
    assert archive.dataset("growing").id == whole.id


def test_only_new_labels_are_looked_at(archive, add):
    add(range(30))
    assert build(archive)[0] == 30
    assert build(archive)[0] == 0
    add(range(28, 33))
    count, made = build(archive)
    assert count == 3
    assert [one[:2] for one in made] == [("growing", 1), ("growing", 2)]


def test_too_few_labels_make_nothing_yet(archive, add, caplog):
    assert build(archive) == (0, [])
    add(range(5))
    assert build(archive) == (5, [])
    assert "nothing is made yet" in caplog.text
    for split in ("full", "transfer", "learning-curve", "grid", "finite-size", "event"):
        assert build(archive, split=split, split_options={})[1] == []
    add(range(5, 30))
    assert len(build(archive)[1]) == 1


def test_a_label_that_was_deleted_is_forgotten(archive, add):
    labels = add(range(30))
    build(archive)
    archive.database["labels"].delete_one({"_id": labels[3].id})
    _, made = build(archive)
    assert len(made) == 2
    assert labels[3].id not in archive.dataset("growing").label_ids


def test_labels_of_two_recipes_are_refused(archive, add):
    add(range(30))
    build(archive)
    add(range(3), Recipe(engine="emt", xc="none", sigma_eV=1.0))
    with pytest.raises(InputError, match="2 recipes"):
        build(archive)
    assert len(versions(archive)) == 1


def test_the_shipped_example_is_a_builder_without_an_address(config):
    text = (ROOT / "launchpad" / "dataset_builder.yaml").read_text()
    assert "mongodb://" not in text
    assert (
        "mrun launchpad/dataset_builder.yaml"
        in (ROOT / "docs" / "howto" / "datasets.md").read_text()
    )
    (shipped,) = loadfn(ROOT / "launchpad" / "dataset_builder.yaml")
    assert isinstance(shipped, DatasetBuilder)
    assert (shipped.name, shipped.query["metal"]) == ("Cu-growing", "Cu")
    (again,) = loadfn(config)
    assert DatasetBuilder.from_dict(again.as_dict()).as_dict() == again.as_dict()


def test_no_log_can_show_an_address(archive, add):
    add(range(2))
    builder = DatasetBuilder("growing", {"metal": "Cu"})
    builder.connect()
    names = [store.name for store in (*builder.sources, *builder.targets)]
    assert len(names) == 3
    assert all("@" not in name and "127.0.0.1" not in name for name in names)
    assert builder.sources[0].count() == 2
    with pytest.raises(InputError, match="wants a query"):
        DatasetBuilder("growing", {})
    with pytest.raises(InputError, match="no name"):
        DatasetBuilder("a b", {"metal": "Cu"})
    with pytest.raises(InputError, match="Connect"):
        next(DatasetBuilder("growing", {"metal": "Cu"}).get_items())


def test_a_label_that_the_query_no_longer_finds_is_forgotten(archive, add):
    labels = add(range(40))
    create_dataset(archive, "source", labels, "fraction", {"train_fraction": 0.9})
    query = {"dataset": "source", "part": "train"}

    def rebuild():
        builder = DatasetBuilder("growing", query, split_options=BLOCKS)
        builder.connect()
        builder.update_targets([builder.process_item(item) for item in builder.get_items()])
        builder.finalize()
        return set(archive.dataset("growing").label_ids)

    rebuild()
    fewer = create_dataset(archive, "source", labels, "fraction", {"train_fraction": 0.6}).dataset
    assert rebuild() <= set(fewer.parts["train"])


def test_the_order_of_arrival_makes_no_other_dataset(archive, make_frame, make_label, add):
    frames = [make_frame(seed, step=None, time_fs=None) for seed in range(12)]
    labels = sorted(map(make_label, frames), key=lambda label: label.id)
    archive.put(*frames)
    made = []
    for some in (labels[6:], labels):
        archive.put(*some)
        made.append(build(archive, split="fraction", split_options={})[1])
    assert made[-1][-1][1] == 2
    archive.database[SEEN].drop()  # all of them at once
    assert build(archive, split="fraction", split_options={})[1] == made[-1]


def test_a_date_may_be_written_as_yaml_reads_it(archive, add, config):
    add(range(30))
    shipped = yaml.safe_load(config.read_text())
    shipped[0]["query"]["created_after"] = date(2020, 1, 1)
    config.write_text(yaml.safe_dump(shipped))
    assert "created_after: 2020-01-01\n" in config.read_text()
    assert "growing@1: new" in mrun(config)
    assert archive.dataset("growing").query["created_after"] == "2020-01-01"
