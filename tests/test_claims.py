"""The ledger: every check runs and supports its verdict, and a check that is wrong is caught."""

import json

import pytest

from companion.__main__ import main
from companion.claims import CHECKS, entries
from companion.claims.ledger import (
    AGREES,
    CONDITION,
    FAILS,
    HOLDS,
    REFUTES,
    UNDECIDED,
    UNTESTED,
    Evidence,
)
from companion.claims.statements import STATEMENTS
from companion.comparison import Comparison

EXPECTED = {
    "C1": CONDITION,
    "C2": HOLDS,
    "C4": HOLDS,
    "C5": CONDITION,
    "C6": CONDITION,
    "C7": CONDITION,
    "C8": CONDITION,
    "C9": HOLDS,
    "C10": CONDITION,
    "C11": CONDITION,
    "C12": HOLDS,
    "C13": CONDITION,
    "C14": CONDITION,
    "C15": CONDITION,
    "C16": CONDITION,
    "C17": HOLDS,
    "C18": CONDITION,
    "C19": HOLDS,
    "C20": CONDITION,
    "C21": HOLDS,
    "C22": CONDITION,
    "C23": CONDITION,
    "C24": CONDITION,
    "C25": CONDITION,
    "C26": HOLDS,
    "C27": CONDITION,
    "C28": CONDITION,
    "C29": HOLDS,
    "C30": HOLDS,
    "C32": CONDITION,
    "C34": CONDITION,
    "C36": CONDITION,
    "S1": CONDITION,
    "S2": HOLDS,
    "S3": HOLDS,
    "S4": HOLDS,
    "S5": CONDITION,
    "S6": CONDITION,
    "S7": CONDITION,
    "S9": CONDITION,
}


@pytest.mark.parametrize("identifier", CHECKS)
def test_check(identifier):
    (entry,) = entries([identifier])
    found = {c.quantity: round(c.z, 1) for c in (*entry.evidence.stated, entry.evidence.control)}
    assert entry.verdict == EXPECTED[identifier], found
    assert abs(entry.evidence.control.z) > REFUTES
    assert all(abs(c.z) < AGREES for c in entry.evidence.stated), found


def test_every_claim_has_a_check_or_a_reason():
    for statement in STATEMENTS:
        assert (statement.identifier in CHECKS) != bool(statement.untested), statement.identifier


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


def test_command_line_prints_for_machines(capsys):
    main(["claims", "--json", "C12", "C3"])
    untested, tested = json.loads(capsys.readouterr().out)
    assert (untested["id"], untested["verdict"], untested["predicted"]) == ("C3", UNTESTED, None)
    main(["claims", "--json", "C12", "C37"])
    tested, untested = json.loads(capsys.readouterr().out)
    assert (untested["id"], untested["verdict"], untested["predicted"]) == ("C37", UNTESTED, None)
    assert tested["verdict"] == HOLDS
    assert abs(tested["observed"] - tested["predicted"]) < AGREES * tested["standard_error"]
    wanted = "id statement source verdict condition predicted observed standard_error chapter"
    assert set(wanted.split()) <= set(tested)


def test_command_line_prints_for_people(capsys):
    main(["claims", "C12", "C3"])
    text = capsys.readouterr().out
    assert "C3  NOT TESTED HERE" in text
    main(["claims", "C12", "C37"])
    text = capsys.readouterr().out
    assert "C37 NOT TESTED HERE" in text
    assert "C12 HOLDS" in text
    assert "predicted 0.5, observed 0.4" in text or "predicted 0.5, observed 0.5" in text


def test_unknown_claim_is_a_clear_error(capsys):
    with pytest.raises(SystemExit):
        main(["claims", "C99"])
    assert "'C99'" in capsys.readouterr().err
