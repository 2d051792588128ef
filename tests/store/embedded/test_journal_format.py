from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded.journal_format import (
    HEADER,
    VERSION,
    Scan,
    check_header,
    frame,
    pack,
    unpack,
)

PATH = Path("db/journal")
PAYLOADS = st.lists(st.binary(max_size=40), min_size=1, max_size=5)


def journal(payloads):
    data = HEADER
    for payload in payloads:
        data += frame(payload, len(data))
    return data


@given(PAYLOADS)
def test_a_whole_file_gives_its_records(payloads):
    scan = Scan(journal(payloads), PATH)
    assert list(scan) == payloads
    assert scan.end == len(journal(payloads))


@given(PAYLOADS, st.data())
def test_a_cut_file_gives_a_prefix(payloads, data):
    whole = journal(payloads)
    cut = data.draw(st.integers(len(HEADER), len(whole)))
    scan = Scan(whole[:cut], PATH)
    found = list(scan)
    assert found == payloads[: len(found)]
    assert scan.end == len(journal(found)) <= cut


@given(PAYLOADS, st.data())
def test_a_changed_byte_is_noticed(payloads, data):
    whole = bytearray(journal([*payloads, b"last"]))
    last = len(journal(payloads))
    position = data.draw(st.integers(len(HEADER), last - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DatabaseError, match=f"{PATH} is damaged at byte") as caught:
        list(Scan(bytes(whole), PATH))
    assert int(str(caught.value).split("byte ")[1].split(",")[0]) <= position


def test_damage_of_the_last_record_is_a_torn_tail():
    whole = bytearray(journal([b"first", b"last"]))
    whole[-1] ^= 1
    scan = Scan(bytes(whole), PATH)
    assert list(scan) == [b"first"]
    assert scan.end == len(journal([b"first"]))


def test_a_journal_inside_a_torn_record_is_no_damage():
    inner = journal([b"a", b"b"])
    whole = journal([b"first", inner])
    scan = Scan(whole[:-1], PATH)
    assert list(scan) == [b"first"]


def test_zeros_at_the_end_are_a_torn_tail():
    assert list(Scan(journal([b"first"]) + bytes(100), PATH)) == [b"first"]


def test_headers():
    assert check_header(HEADER + b"more", PATH) == VERSION
    assert check_header(HEADER.replace(b"%05d" % VERSION, b"00001"), PATH) == 1
    assert not check_header(HEADER[:5], PATH)
    other = HEADER.replace(b"%05d" % VERSION, b"%05d" % (VERSION + 1))
    with pytest.raises(DatabaseError, match=f"format {VERSION + 1}.*reads formats 1 to {VERSION};"):
        check_header(other, PATH)
    with pytest.raises(DatabaseError, match="is not a journal"):
        check_header(b"SQLite format 3 and more bytes", PATH)


@given(st.binary(max_size=2000), st.integers(1, VERSION))
def test_contents_give_their_payloads_back(payload, version):
    assert unpack(pack(payload, version), version, PATH) == payload
    assert len(pack(payload, version)) <= len(payload) + 1


def test_text_shrinks_and_format_1_does_not_pack():
    payload = b"the same words again and again " * 100
    assert len(pack(payload, VERSION)) < len(payload) / 10
    assert pack(payload, 1) == payload


def test_a_packing_of_the_future_is_refused():
    with pytest.raises(DatabaseError, match="cannot unpack; use the tm23flows that wrote it"):
        unpack(b"\x07something", VERSION, PATH)
