"""The table of later literature: citations that exist, checks that support their verdicts."""

import re
from pathlib import Path

import numpy as np
import pytest

from collapse.theory import categorical
from companion.claims import literature
from companion.claims.ledger import AGREES, CONDITION, HOLDS, REFUTES, UNTESTED

BIB = (Path(__file__).resolve().parents[1] / "references.bib").read_text(encoding="utf8")
ENTRIES = dict(re.findall(r"@\w+\{(\S+),\n(.*?)\n\}", BIB, flags=re.DOTALL))
CONDITIONAL = {"below π²/6", "effective size", "is at most"}
UNCHECKED = {
    "barzilai2025",
    "dohmatob2024tails",
    "dohmatob2025strong",
    "drayson2025",
    "feng2025beyond",
    "fu2024",
    "schaeffer2025",
    "zhu2025",
}


def expected(row):
    if row.key in UNCHECKED:
        return UNTESTED
    return CONDITION if any(words in row.statement for words in CONDITIONAL) else HOLDS


@pytest.fixture(scope="module")
def checked():
    return list(literature.rows())


def test_verdicts(checked):
    assert tuple(c.row for c in checked) == literature.ROWS
    assert sum(c.verdict == CONDITION for c in checked) == len(CONDITIONAL)
    for found in checked:
        assert found.verdict == expected(found.row), found
        if found.evidence:
            assert abs(found.evidence.control.z) > REFUTES
            assert all(abs(c.z) < AGREES for c in found.evidence.stated)


@pytest.mark.parametrize("row", literature.ROWS, ids=lambda row: f"{row.key}: {row.statement}")
def test_rows_cite_what_exists(row):
    body = ENTRIES[row.key]
    author = re.search(r"author\s*=\s*\{\\?.*?([^\s,{}]+),", body)[1]
    year = re.search(r"year\s*=\s*\{(\d+)\}", body)[1]
    assert row.paper.startswith(author.replace("{\\o}", "ø"))
    assert row.paper.endswith(year)
    assert row.kind in literature.KINDS
    assert row.statement.endswith(".")
    assert row.check or row.remark  # a reason where there is no check


def test_the_bound_on_the_time_is_one():
    for law, size in [([0.5, 0.5], 4), ([0.1, 0.2, 0.7], 9), (np.full(5, 0.2), 30)]:
        bound = 1 + (1 - np.dot(law, law)) * size * (size - 1)
        assert categorical.expected_absorption_time(law, size) < min(bound, 2 * size + 1)


def test_the_table_has_every_row(checked):
    table = literature.Table(checked)
    html = table._repr_html_()
    assert html.count("<tr>") == len(literature.ROWS) + 1
    assert html.count("data-label") == 4 * len(literature.ROWS)
    assert "none" in html and "holds under a condition" in html
    assert len(repr(table).splitlines()) == len(literature.ROWS)


def test_papers_can_be_chosen():
    found = list(literature.rows(["he2025golden", "zhu2025"]))
    assert [c.row.key for c in found] == ["he2025golden", "zhu2025"]
    with pytest.raises(ValueError, match="keys must be among"):
        list(literature.rows(["nobody2030"]))
