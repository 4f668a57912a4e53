"""The ledger: what the paper says, what this run observed, and the verdict that follows."""

from dataclasses import dataclass

from companion.comparison import Comparison

HOLDS = "holds"
CONDITION = "holds under a condition"
FAILS = "fails as stated"
UNTESTED = "not tested here"
UNDECIDED = "undecided by this run"

AGREES, REFUTES = 5.0, 8.0
"""A comparison agrees within 5 standard errors and is refuted beyond 8; between them it is open."""


@dataclass(frozen=True)
class Statement:
    """A claim as the paper makes it.

    `identifier`: ``C1`` to ``C37`` for the paper's claims, ``S1`` to ``S9`` for its summary
    statements. `text`: the statement in our words. `source`: version and section of the paper.
    `kind`: how it could be settled: ``proof``, ``simulation``, ``small network``, ``language
    model``, ``discussion``, or several, joined by commas. `untested`: why there is no check, empty
    if there is one.
    """

    identifier: str
    text: str
    source: str
    kind: str
    untested: str


@dataclass(frozen=True)
class Evidence:
    """What a check found.

    `stated`: the statement's own predictions, where it applies; the first is the headline.
    `control`: A wrong prediction of a number observed: it must be refuted, or the check has no
    power. `corrected`: predictions of the corrected statement, if it fails as stated. `outside`:
    the statement's predictions where its condition is not met, if it has one: these must be
    refuted, or the condition is not needed. `condition`: the condition, or the correction.
    """

    stated: tuple
    control: Comparison
    corrected: tuple = ()
    outside: tuple = ()
    condition: str = ""

    @property
    def verdict(self):
        """The verdict that the comparisons support."""
        if not _refuted(self.control):
            return UNDECIDED
        if self.corrected:
            refuted = any(_refuted(c) for c in self.stated)
            return FAILS if refuted and _agree(self.corrected) else UNDECIDED
        if not _agree(self.stated):
            return UNDECIDED
        if self.outside:
            return CONDITION if all(_refuted(c) for c in self.outside) else UNDECIDED
        return HOLDS


def _agree(comparisons):
    return all(abs(c.z) < AGREES for c in comparisons)


def _refuted(comparison):
    return abs(comparison.z) > REFUTES


def together(*checks):
    """Make one check of several checks of one claim.

    A check with the comparisons of all of them, and the weakest of their controls. `*checks`:
    checks that return `Evidence`.
    """

    def check():
        parts = [part() for part in checks]
        joined = {
            name: tuple(comparison for part in parts for comparison in getattr(part, name))
            for name in ("stated", "corrected", "outside")
        }
        control = min((part.control for part in parts), key=lambda c: abs(c.z))
        return Evidence(**joined, control=control, condition="; ".join(p.condition for p in parts))

    return check


@dataclass(frozen=True)
class Entry:
    """A line of the ledger: a statement, its evidence if there is a check, and its chapter."""

    statement: Statement
    evidence: Evidence | None
    chapter: str

    @property
    def verdict(self):
        """The verdict, *not tested here* without evidence."""
        return self.evidence.verdict if self.evidence else UNTESTED

    def row(self):
        """Return the entry as a flat dict, for tables and for machines."""
        evidence = self.evidence
        headline = evidence.stated[0] if evidence else Comparison("", None, None, None)
        return {
            "id": self.statement.identifier,
            "statement": self.statement.text,
            "source": self.statement.source,
            "kind": self.statement.kind,
            "verdict": self.verdict,
            "condition": evidence.condition if evidence else self.statement.untested,
            "quantity": headline.quantity,
            "predicted": headline.predicted,
            "observed": headline.observed,
            "standard_error": headline.standard_error,
            "chapter": self.chapter,
        }
