"""Every query is served by an index: derived from the commands, and explained by a real mongod."""

import shutil

import pymongo
import pytest
from pymongo.monitoring import CommandListener

from tm23flows.store.archive import Archive
from tm23flows.store.collections import by, indexes_of
from tm23flows.store.query import plans
from tm23flows.store.query.rows import frame_rows, label_rows
from tm23flows.store.query.where import FIELDS
from tm23flows.store.query.words import Query

WORDS = {
    "metal": "Cu",
    "regime": "melt",
    "temperature_K": 339.5,
    "trajectory": "ab" * 32,
    "frame": "abcdef",
    "first_step": 5,
    "last_step": 7,
    "engine": "emt",
    "sigma_eV": 1.0,
    "electron_shift": 0,
    "kmesh": "2x2x2",
    "recipe": "ab" * 32,
    "min_energy_eV": -1,
    "max_energy_eV": 9,
    "min_force_eV_per_A": 0.1,
    "max_force_eV_per_A": 9,
    "min_stress_eV_per_A3": 0,
    "max_stress_eV_per_A3": 9,
    "dataset": "Cu-demo",
    "kmesh_converged": True,
    "created_after": "2020-01-01",
    "created_before": "2020-01-01",
    "tag": "event=1",
}
SAMPLES = {
    "text": "emt", "whole number": "5", "number": "0.5", "yes or no": "yes", "k-mesh": "2x2x2",
    "date": "2026-01-01",
}  # fmt: skip
QUERIES = [
    {},
    *({word: value} for word, value in WORDS.items()),
    *({"where": f"{name}={SAMPLES[asked.kind]}"} for name, asked in FIELDS.items()),
    {"where": "step!=5"},
    {"where": ["step>5", "step!=7"], "first_step": 3},
    {"metal": "Cu", "regime": "melt", "engine": "emt", "sigma_eV": 1.0, "first_step": 5},
    {"dataset": "Cu-demo", "part": "train"},
    {"kmesh_converged": False, "tag": "group=a"},
    {"tag": "something_else=1"},
    WORDS,
]
READS = ("find", "aggregate", "distinct", "count")


class Reads(CommandListener):
    """Remembers the commands that read the collections of the archive."""

    def __init__(self):
        self.seen = []

    def started(self, event):
        if event.command_name in READS:
            self.seen.append(dict(event.command))

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


@pytest.fixture(params=["small joins", "large joins"])
def watched(emt_archive, monkeypatch, request):
    if request.param == "large joins":
        monkeypatch.setattr(plans, "JOIN_LIMIT", 0)
    reads = Reads()
    client = pymongo.MongoClient
    monkeypatch.setattr(
        "pymongo.MongoClient", lambda *a, **k: client(*a, **k, event_listeners=[reads])
    )
    return Archive.open(), reads


def ask(archive, words):
    """Do what 'tm23 query' does with these words."""
    query = Query.of(**words)
    list(label_rows(archive, query))
    list(frame_rows(archive, query))
    archive.labels(**words).count()
    archive.frames(**words).count()
    next(iter(archive.labels(**words)), None)


def bounds(wanted):
    """Fields that a filter bounds, so that an index on them leads to the documents."""
    for name, condition in wanted.items():
        if name == "$and":
            for part in condition:
                yield from bounds(part)
        elif not name.startswith("$"):
            operators = set(condition) if isinstance(condition, dict) else {"$eq"}
            if operators - {"$nin", "$ne"}:
                yield name


def serving(command):
    """Name the index that serves a command; None means that all documents are read."""
    kind, collection = next(iter(command.items()))
    indexes = [by("_id"), *indexes_of(collection)]
    wanted = command.get("filter", command.get("query", {}))
    if kind == "aggregate":
        wanted = command["pipeline"][0]["$match"]
    if command.get("hint"):
        names = {"_id_": "_id", **{one.name: one.name for one in indexes}}
        return names.get(command["hint"])
    asked = set(bounds(wanted))
    order = tuple((command.get("sort") or {}).keys())
    if kind == "distinct":
        order = (command["key"],)
    fitting = [
        one
        for one in indexes
        if one.fields[0] in asked or (order and one.fields[: len(order)] == order)
    ]
    return fitting[0].name if fitting else None


def test_every_query_finds_an_index(watched):
    archive, reads = watched
    for words in QUERIES:
        reads.seen.clear()
        ask(archive, words)
        assert len(reads.seen) >= 5, words
        for command in reads.seen:
            assert serving(command), f"for {words} all documents are read by {command}"


def test_every_word_is_among_the_queries():
    assert {word for words in QUERIES for word in words} == set(Query.model_fields)


@pytest.mark.parametrize(
    "command",
    [
        {"find": "labels", "filter": {"effort.cpu_s": 3}},
        {"find": "labels", "filter": {"element": {"$nin": ["Cu", None]}}},
        {"find": "frames", "filter": {}, "sort": {"step": 1}},
        {"aggregate": "labels", "pipeline": [{"$match": {"$or": [{"element": "Cu"}]}}]},
        {"aggregate": "labels", "pipeline": [{"$match": {}}], "hint": "no_such_index"},
        {"distinct": "labels", "key": "recipe.engine", "query": {}},
    ],
    ids=str,
)
def test_a_command_without_an_index_is_seen(command):
    assert serving(command) is None


def test_the_words_of_the_daily_work_have_an_index_in_which_nothing_is_sorted(watched):
    """Equality, then the order: what is found comes out of the index as it is wanted."""
    archive, reads = watched
    for words in ({"metal": "Cu"}, {"recipe": "ab" * 32}, {}):
        reads.seen.clear()
        list(archive.labels(**words).ids())
        (command,) = [one for one in reads.seen if one.get("find") == "labels"]
        fields = (*command["filter"], *command["sort"])
        assert fields in [one.fields for one in indexes_of("labels")], words
    reads.seen.clear()
    list(archive.labels(metal="Cu", regime="melt", recipe="ab" * 32).ids())
    (command,) = [one for one in reads.seen if one.get("find") == "labels"]
    equal, order = set(command["filter"]), tuple(command["sort"])
    assert any(
        set(one.fields[: len(equal)]) == equal and one.fields[len(equal) :] == order
        for one in indexes_of("labels")
    )


def stages(plan):
    """All stages of an explained plan, however deep."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"]
        for value in plan.values():
            yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


def test_mongod_reads_no_collection_from_end_to_end(watched):
    if shutil.which("mongod") is None:
        pytest.skip("no mongod on PATH: what it would do is derived from the indexes only")
    archive, reads = watched
    keep = ("find", "aggregate", "distinct", "key", "filter", "query", "sort", "projection",
            "hint", "pipeline", "cursor", "limit")  # fmt: skip
    for words in QUERIES:
        reads.seen.clear()
        ask(archive, words)
        for command in list(reads.seen):
            asked = {name: command[name] for name in keep if name in command}
            told = archive.database.command("explain", asked, verbosity="queryPlanner")
            assert "COLLSCAN" not in set(stages(told)), f"for {words}: {asked}"
