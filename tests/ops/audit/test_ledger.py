"""The record of an audit: counts everything, keeps the first, and only what was asked for."""

import json

from tm23flows.ops.audit.ledger import INVARIANTS, KEPT, Ledger, Violation


def violation(invariant, number=0):
    return Violation(invariant, "frames", str(number), "it is wrong", "mend it")


def test_an_empty_ledger_is_in_order_and_has_every_invariant():
    ledger = Ledger()
    assert ledger.ok
    assert list(ledger.findings) == list(INVARIANTS) == [f"I{n}" for n in range(1, 11)]


def test_many_violations_are_counted_and_the_first_are_kept():
    ledger = Ledger()
    ledger.add(violation("I2", number) for number in range(KEPT + 50))
    assert not ledger.ok
    assert (ledger.findings["I2"].count, len(ledger.violations)) == (KEPT + 50, KEPT)
    assert ledger.violations[0].id == "0"


def test_what_nobody_asked_for_is_not_there():
    ledger = Ledger(["I6", "I2"])
    ledger.add([violation("I1")])
    ledger.checked("I1", 5)
    ledger.note("I1", "a note")
    assert ledger.ok
    assert list(ledger.findings) == ["I2", "I6"]
    assert ledger.wants("I1", "I6")
    assert not ledger.wants("I1", "I3")


def test_whoever_watches_is_told():
    told = []
    ledger = Ledger(tick=lambda what, number: told.append((what, number)))
    ledger.checked("I1", 200, "frames")
    ledger.checked("I1", 7)
    assert told == [("frames", 200)]
    assert ledger.findings["I1"].checked == 207


def test_it_is_json():
    ledger = Ledger(["I9"])
    ledger.add([violation("I9")])
    ledger.note("I9", "a note")
    found = json.loads(json.dumps(ledger.as_dict()))
    assert found["ok"] is False
    (finding,) = found["findings"]
    assert finding["title"] == INVARIANTS["I9"]
    assert finding["violations"][0]["fix"] == "mend it"
    assert (finding["count"], finding["notes"]) == (1, ["a note"])
