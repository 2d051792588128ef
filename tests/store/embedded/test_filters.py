from tm23flows.store.embedded.filters import conditions_of, fields_of


def test_a_filter_is_taken_apart_along_and():
    query = {"a": 1, "$and": [{"b": 2, "c": {"$gt": 3}}, {"$and": [{"a": 4}]}], "$or": [{"d": 5}]}
    expected = [("a", 1), ("b", 2), ("c", {"$gt": 3}), ("a", 4), ("$or", [{"d": 5}])]
    assert conditions_of(query) == expected


def test_what_is_no_list_of_filters_stays_as_it_is():
    for wrong in ({"$and": []}, {"$and": 3}, {"$and": [1]}):
        assert conditions_of(wrong) == list(wrong.items())


def test_fields_of_joined_filters_count():
    query = {"a": 1, "$or": [{"b.c": 1}, {"$nor": [{"d": 1}]}, 7], "$expr": {"$eq": ["$e", 1]}}
    assert fields_of(conditions_of(query)) == ["a", "b.c", "d"]
