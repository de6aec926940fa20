import json
import math
from dataclasses import replace

import torch
from planted import one_site

from unitscope.analyses.moments import Moments
from unitscope.comparison.compare import compare
from unitscope.comparison.groups import compare_groups
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.page.comparison import matched_table, page_of_comparison, page_of_groups, similarity_table
from unitscope.page.write import write_html, write_page

LENGTHS = [10] * 20


def network(seed, units):
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    mixed = x @ torch.randn(3, units, generator=generator)
    return one_site(mixed + torch.randn(200, units, generator=generator), LENGTHS, name=f"net {seed}")


def with_words(source):
    symbols = Vocabulary(tuple("ab·"))
    return replace(source, token_ids=torch.arange(200) % 2, symbols=symbols)


def test_page_of_two_networks(tmp_path):
    one, two = with_words(network(1, 4)), with_words(network(2, 6))
    found = compare(one, two)
    page = page_of_comparison(found, (one, two))
    assert [section.id for section in page.sections] == ["similarity", "matched-0", "summaries", "compared"]
    assert list(zip(page.table.sites, page.table.units, strict=True))[3:5] == [("A:planted", 3), ("B:planted", 0)]
    assert [field.name for field in page.table.fields][:2] == ["partner", "r"]
    partner = page.table.row("A:planted", 0)["partner"]
    assert partner == f"B:planted/{found.sites[0].matching.partner[0]}"
    # Whoever is a partner has that partner.
    assert page.table.row("B:planted", int(partner.rpartition("/")[2]))["partner"] == "A:planted/0"
    write_page(page, tmp_path / "page.html", tmp_path / "page.json")
    units = json.loads((tmp_path / "page.json").read_text())["units"]
    assert {site: len(groups) for site, groups in units.items()} == {"A:planted": 4, "B:planted": 6}
    assert units["A:planted"][0][0]["title"] == "Partner"
    own, other = units["A:planted"][0][1]["views"]
    assert own["title"].startswith("A:planted/0") and other["title"].startswith(partner)
    assert own["tokens"] == other["tokens"] and own["values"] != other["values"]


def test_tables_for_the_terminal():
    found = compare(network(1, 4), network(2, 6))
    assert [row[1] for row in similarity_table(found).rows] == ["A – B", "out of step"]
    (row,) = matched_table(found).rows
    assert 0 < row[2] <= row[1] and abs(row[3]) < row[2]


def test_page_of_groups_says_when_runs_are_few(tmp_path):
    found = compare_groups({"a": [network(1, 4), network(2, 4)], "b": [network(3, 4)]}, analyses=[Moments()])
    page = page_of_groups(found)
    assert "2 and 1 runs" in page.sections[1].text
    assert [row[0] for row in page.sections[0].views[0].rows] == ["a 1", "a 2", "b 1"]
    kinship = page.sections[2].views[0].rows
    assert all(math.isnan(row[3]) for row in kinship), "one run is alike to no other of its group"
    write_html(page, tmp_path / "page.html")
