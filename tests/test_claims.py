"""The ledger: every check runs and supports its verdict, and a check that is wrong is caught."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from companion import remembered
from companion.__main__ import main
from companion.claims import STATEMENTS, entries
from companion.claims.ledger import (
    AGREES,
    CONDITION,
    FAILS,
    HOLDS,
    PARTLY,
    SCOPES,
    UNDECIDED,
    UNTESTED,
    Entry,
    Evidence,
)
from companion.comparison import Comparison, compare, false_alarm, share

EXPECTED = {
    HOLDS: "C2 C4 C9 C12 C17 C19 C21 C26 C29 C30 C37 S2 S3 S4",
    CONDITION: "C1 C5 C6 C7 C8 C10 C11 C13 C14 C15 C20 C22 C28 C32 C34 C36 S1 S5 S6 S7 S9",
    PARTLY: "C16 C18 C23 C24 C25 C27",
}
EXPECTED = {name: verdict for verdict, names in EXPECTED.items() for name in names.split()}
WITH_CHECK = [statement.identifier for statement in STATEMENTS if statement.checks]


@pytest.mark.parametrize("identifier", WITH_CHECK)
def test_check(identifier):
    (entry,) = entries([identifier])
    assert entry.verdict == EXPECTED[identifier], [part.row() for part in entry.parts]
    assert all(part.scope in SCOPES for part in entry.parts)
    assert len({part.part for part in entry.parts}) == len(entry.parts)


def test_every_claim_has_a_check_or_a_reason():
    for statement in STATEMENTS:
        assert bool(statement.checks) != bool(statement.untested), statement.identifier


def test_the_ledger_imports_no_check_until_it_is_run():
    code = "import sys, companion.claims; print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in found.stdout.split() if name.startswith(("collapse", "companion"))}
    assert not any(name.startswith("collapse.models") for name in loaded)
    assert len(loaded) < 10, loaded


GOOD = Comparison("a number", 1.0, 1.01, 0.01)
BAD = Comparison("a number", 1.0, 1.2, 0.01)
OPEN = Comparison("a number", 1.0, 1.065, 0.01)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (Evidence((GOOD,), control=BAD), HOLDS),
        (Evidence((GOOD,), control=GOOD), UNDECIDED),  # a check without power
        (Evidence((BAD,), control=BAD), UNDECIDED),
        (Evidence((OPEN,), control=BAD), UNDECIDED),
        (Evidence((GOOD,), outside=(BAD,), control=BAD), CONDITION),
        (Evidence((GOOD,), outside=(GOOD,), control=BAD), UNDECIDED),  # the condition is not needed
        (Evidence((BAD,), outside=(BAD,), control=BAD), UNDECIDED),
        (Evidence((BAD,), corrected=(GOOD,), control=BAD), FAILS),
        (Evidence((GOOD,), corrected=(GOOD,), control=BAD), UNDECIDED),
        (Evidence((BAD,), corrected=(BAD,), control=BAD), UNDECIDED),
    ],
)
def test_verdict_follows_from_the_comparisons(evidence, verdict):
    assert evidence.verdict == verdict


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ((), UNTESTED),
        ((Evidence((GOOD,), control=BAD),) * 2, HOLDS),
        ((Evidence((GOOD,), control=BAD), Evidence((GOOD,), control=GOOD)), UNDECIDED),
        (
            (Evidence((GOOD,), control=BAD), Evidence((GOOD,), outside=(BAD,), control=BAD)),
            CONDITION,
        ),
        (
            (Evidence((GOOD,), control=BAD), Evidence((BAD,), corrected=(GOOD,), control=BAD)),
            PARTLY,
        ),
        ((Evidence((BAD,), corrected=(GOOD,), control=BAD),), FAILS),
    ],
)
def test_a_claim_is_judged_by_its_parts(parts, verdict):
    assert Entry(STATEMENTS[0], parts).verdict == verdict


@pytest.mark.parametrize(
    ("comparison", "z"),
    [
        (Comparison("normal", 1.0, 1.2, 0.1), 2.0),
        # two-sided 3.8 % at five standard errors of three runs, which is nothing
        (Comparison("three runs", 0.0, 5.0, 1.0, "t", 3), stats.norm.isf(stats.t.sf(5, 2))),
        (Comparison("all alike", 0.0, 1.0, 0.0, "t", 3), 38.0),
        (share("ten of ten", 1.0, [True] * 10), 0.0),
        (share("nine of ten", 1.0, [True] * 9 + [False]), -38.0),
        (share("six of ten", 0.9, [True] * 6 + [False] * 4), -stats.norm.isf(0.01279519 / 2)),
        (Comparison("rounding", 1.0, 1.0 + 1e-9, 1e-8, "none"), 0.0),
        (Comparison("no rounding", 1.0, 1.1, 1e-8, "none"), 38.0),
    ],
)
def test_the_law_of_the_statistic_decides(comparison, z):
    assert comparison.z == pytest.approx(z, abs=1e-4)


def test_command_line_prints_for_machines(capsys):
    main(["claims", "--json", "C12", "C16", "C33"])
    tested, partly, untested = json.loads(capsys.readouterr().out)
    assert (untested["id"], untested["verdict"], untested["parts"]) == ("C33", UNTESTED, [])
    assert tested["verdict"] == HOLDS
    (part,) = tested["parts"]
    assert abs(part["z"]) < AGREES
    assert {"verdict", "scope", "condition_by", "law", "predicted", "observed"} <= set(part)
    assert partly["verdict"] == PARTLY
    assert [part["verdict"] for part in partly["parts"]] == [HOLDS, FAILS]


def test_command_line_prints_for_people(capsys):
    main(["claims", "C12", "C33"])
    text = capsys.readouterr().out
    assert "C33 NOT TESTED HERE" in text
    assert "C12 HOLDS" in text
    assert "predicted 0.5, observed 0.4" in text or "predicted 0.5, observed 0.5" in text


def test_results_are_kept_for_the_same_code_only(tmp_path, monkeypatch):
    monkeypatch.setenv("COLLAPSE_RESULTS", str(tmp_path))
    monkeypatch.setattr(remembered, "_state", lambda: "one")
    calls = []
    compute = lambda: calls.append(1) or len(calls)  # noqa: E731
    assert [remembered.remembered("a", compute) for _ in range(3)] == [1, 1, 1]
    assert remembered.remembered("b", compute) == 2
    monkeypatch.setattr(remembered, "_state", lambda: "two")
    assert remembered.remembered("a", compute) == 3
    for path in tmp_path.iterdir():
        path.write_bytes(b"")  # as if the disk had been full
    assert remembered.remembered("a", compute) == 4
    monkeypatch.delenv("COLLAPSE_RESULTS")
    assert remembered.remembered("a", compute) == 5


def test_unknown_claim_is_a_clear_error(capsys):
    with pytest.raises(SystemExit):
        main(["claims", "C99"])
    assert "'C99'" in capsys.readouterr().err


KINDS = {"proof", "simulation", "small network", "language model", "discussion"}


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.identifier)
def test_statement_is_well_formed(statement):
    assert 30 <= len(statement.text) <= 320
    assert statement.text.endswith(".")
    assert statement.source.strip()
    kinds = statement.kind.split(", ")
    assert set(kinds) <= KINDS
    assert len(set(kinds)) == len(kinds)
    assert statement.untested == "" or statement.untested.endswith(".")
    for field in (statement.text, statement.source, statement.untested):
        assert field == " ".join(field.split())


def test_texts_are_distinct():
    assert len({statement.text for statement in STATEMENTS}) == len(STATEMENTS)


def test_the_rate_of_false_alarms():
    values = np.random.default_rng(2).normal(size=(4000, 20, 40))  # 4000 suites of 20 checks
    z = values.mean(axis=-1) * np.sqrt(40) / 1.0
    one = [compare("a number", 0.0, row) for row in values[0]]
    expected = false_alarm([*one, one[0]._replace(law="none")], limit=2)
    seen = (np.abs(z) > 2).any(axis=1)
    assert abs(seen.mean() - expected) < 5 * np.sqrt(expected * (1 - expected) / len(seen))
    assert abs(seen.mean() - false_alarm(one * 2, limit=2)) > 0.1  # the control
    every = [c for entry in entries(["C7", "C12"]) for part in entry.parts for c in part.stated]
    assert false_alarm(every) < 1e-4
