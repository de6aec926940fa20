import json

from unitscope.studies.check import Check, checks_table, write_results


def test_checks_are_written_and_shown(tmp_path):
    checks = [
        Check("a", "it holds", 0.51234, "about 0.5", "paper", True),
        Check("b", "nobody said", float("nan"), "", "", None, "why"),
    ]
    write_results(tmp_path / "deep" / "results.json", "mine", [0, 1], checks, {"rho": [0.5, float("nan")]})
    content = json.loads((tmp_path / "deep" / "results.json").read_text())
    assert content["study"] == "mine"
    assert content["checks"][0] == {
        "id": "a", "statement": "it holds", "value": 0.51234, "expected": "about 0.5", "source": "paper", "met": True,
        "note": "",
    }  # fmt: skip
    assert content["checks"][1]["value"] is None
    assert content["figures"] == {"rho": [0.5, None]}
    assert {"unitscope", "torch", "python"} == content["versions"].keys()
    table = checks_table(checks)
    assert [row[0] for row in table.rows] == ["yes", "not tested"]
    assert table.rows[0][2] == "0.512"
