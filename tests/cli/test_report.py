def test_nothing_to_report_writes_nothing(tm23, archive, tmp_path):
    ran = tm23("report", "-o", tmp_path / "report" / "index.html")
    assert ran.code == 2
    assert "nothing to report" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_report_without_models_is_one_file(tm23, emt_archive, tmp_path):
    path = tmp_path / "report" / "index.html"
    ran = tm23("report", "-o", path)
    assert ran.code == 0, ran.err
    assert f"report: {path}" in ran.out
    assert [entry.name for entry in path.parent.iterdir()] == ["index.html"]
    assert "http" not in path.read_text().replace("http://www.w3.org", "")


def test_json_holds_errors_and_noise(tm23, emt_archive):
    ran = tm23("report", "--json")
    assert ran.json["errors"] == []


def test_a_dataset_that_is_not_there(tm23, emt_archive, tmp_path):
    ran = tm23("report", "--dataset", "Os-demo", "-o", tmp_path / "index.html")
    assert ran.code == 2
    assert "Os-demo" in ran.err
