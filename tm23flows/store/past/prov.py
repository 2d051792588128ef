"""Traces in the words of the W3C: PROV-JSON.

Owns the translation of a trace into entities, activities and agents. The layout follows the
W3C member submission PROV-JSON (https://www.w3.org/Submission/prov-json/), the meaning of the
relations PROV-DM (https://www.w3.org/TR/prov-dm/).

A document is an entity; making it is an activity, which used the document's parents and its
inputs, and which the programs on the record (agents) carried out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tm23flows.documents.ids import content_id
from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.past.relatives import Level, Relative, Trace

PREFIX = "tm23"
NAMESPACE = "urn:tm23flows:"
"""Qualified names are ``tm23:frame-<id>``; a URN, because nothing has to answer there."""

XSD = "http://www.w3.org/2001/XMLSchema#"

Record = dict[str, Any]


def prov_document(*traces: Trace) -> dict[str, Any]:
    """Write traces as one PROV-JSON document.

    Parameters
    ----------
    *traces
        Ways up and down, made with ``shown=None`` for a document that leaves nothing out.

    Returns
    -------
    JSON values. A level that is shown in part says so: its entities are there, and the one
    that was made from all of them has ``tm23:parents`` and ``tm23:parentsLeftOut``.
    """
    levels = [level for one in traces for level in one.levels]
    relatives = {one.id: (level.collection, one) for level in levels for one in level.shown}
    names = {key: _name(collection, key) for key, (collection, _) in relatives.items()}
    parts: dict[str, Record] = {
        kind: {}
        for kind in ("entity", "activity", "agent", "wasGeneratedBy", "used", "wasDerivedFrom",
                     "wasAssociatedWith")
    }  # fmt: skip
    _add_missing(parts, levels, names)
    for collection, one in relatives.values():
        _add(parts, collection, one, names)
    return {
        "prefix": {PREFIX: NAMESPACE, "xsd": XSD},
        **{kind: records for kind, records in parts.items() if records},
    }


def _add(parts: dict[str, Record], collection: str, one: Relative, names: dict[str, str]) -> None:
    entity, activity = names[one.id], f"{PREFIX}:making-{one.id}"
    given = f"{PREFIX}:inputs-{one.inputs_sha256}"
    known = [names[parent] for parent in one.parents if parent in names]
    parts["entity"][entity] = {
        "prov:type": _qualified(COLLECTIONS[collection].__name__),
        "prov:label": f"{COLLECTIONS[collection].__name__} {one.id[:12]}",
        **{f"{PREFIX}:{key}": _literal(value) for key, value in one.summary.items()},
        f"{PREFIX}:parents": len(one.parents),
        f"{PREFIX}:parentsLeftOut": len(one.parents) - len(known),
    }
    parts["entity"][given] = {
        "prov:type": _qualified("Inputs"),
        f"{PREFIX}:sha256": one.inputs_sha256,
        f"{PREFIX}:content": _literal(one.inputs),
    }
    moment = f"{one.created}Z"
    # Only the end is on the record. PROV-JSON wants times as plain strings.
    parts["activity"][activity] = {"prov:endTime": moment, f"{PREFIX}:host": one.host}
    _relate(
        parts["wasGeneratedBy"],
        {"prov:entity": entity, "prov:activity": activity, "prov:time": moment},
    )
    for used in (*known, given):
        _relate(parts["used"], {"prov:activity": activity, "prov:entity": used})
    for parent in known:
        derived = {"prov:generatedEntity": entity, "prov:usedEntity": parent}
        _relate(parts["wasDerivedFrom"], {**derived, "prov:activity": activity})
    for agent, record in _agents(one.software):
        parts["agent"][agent] = record
        _relate(parts["wasAssociatedWith"], {"prov:activity": activity, "prov:agent": agent})


def _agents(software: dict[str, str]) -> Iterable[tuple[str, Record]]:
    """Yield one agent for each version of each program."""
    for program, version in sorted(software.items()):
        # Versions hold what a qualified name may not, so the name is a hash of both.
        key = content_id("software", program=program, version=version)[:16]
        yield (
            f"{PREFIX}:software-{key}",
            {
                "prov:type": {"$": "prov:SoftwareAgent", "type": "prov:QUALIFIED_NAME"},
                "prov:label": f"{program} {version}",
                f"{PREFIX}:program": program,
                f"{PREFIX}:version": version,
            },
        )


def _add_missing(parts: dict[str, Record], levels: list[Level], names: dict[str, str]) -> None:
    """Give documents that are gone an entity too, so that the gap can be seen."""
    for level in levels:
        for key in level.missing:
            names[key] = _name(level.collection, key)
            parts["entity"][names[key]] = {
                "prov:type": _qualified(COLLECTIONS[level.collection].__name__),
                f"{PREFIX}:missing": True,
            }


def _relate(records: Record, relation: Record) -> None:
    """Add a relation under a blank name that says what it is, so that it is there once."""
    records[f"_:{content_id('relation', **relation)[:20]}"] = relation


def _name(collection: str, key: str) -> str:
    return f"{PREFIX}:{COLLECTIONS[collection].__name__.lower()}-{key}"


def _qualified(local: str) -> Record:
    return {"$": f"{PREFIX}:{local}", "type": "prov:QUALIFIED_NAME"}


def _literal(value: Any) -> Any:
    """Return a value as PROV-JSON can hold it: nested ones become text."""
    if isinstance(value, (str, bool, int, float)):
        return value
    return json.dumps(value, sort_keys=True, default=str)
