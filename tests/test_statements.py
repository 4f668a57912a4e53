"""The ledger's text is complete, in order and of readable length."""

import pytest

from companion.claims.statements import STATEMENTS

KINDS = {"proof", "simulation", "small network", "language model", "discussion"}


def test_identifiers_are_complete_unique_and_in_order():
    expected = [f"C{i}" for i in range(1, 38)] + [f"S{i}" for i in range(1, 10)]
    assert [statement.identifier for statement in STATEMENTS] == expected


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
