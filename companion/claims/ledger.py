"""The ledger: what the paper says, what this run observed, and the verdict that follows."""

from dataclasses import dataclass

from companion.comparison import Comparison

HOLDS = "holds"
CONDITION = "holds under a condition"
PARTLY = "holds in part"
FAILS = "fails as stated"
UNTESTED = "not tested here"
UNDECIDED = "undecided by this run"

SCOPES = ("as in the paper", "analogue", "stored run", "discussion")

AGREES, REFUTES = 5.0, 8.0
"""A comparison agrees within 5 standard errors and is refuted beyond 8; between them it is open.

The gap is for what a normal law leaves out: by the exact laws of few runs, whose `z` is the normal
deviate of the same probability, a prediction is refuted beyond 5.
"""


@dataclass(frozen=True)
class Statement:
    """A claim as the paper makes it: a line of ``statements.toml``.

    `text` is the statement in our words, `source` its version and section of the paper, and `kind`
    how it could be settled: ``proof``, ``simulation``, ``small network``, ``language model``,
    ``discussion``, or several, joined by commas. `chapter` explains it, `checks` names its checks,
    and `untested` says why there is none.
    """

    identifier: str
    text: str
    source: str
    kind: str
    chapter: str
    untested: str = ""
    checks: tuple = ()


@dataclass(frozen=True)
class Evidence:
    """What a check found about a claim, or about the `part` of it that is named in words.

    `stated` are the statement's own predictions, where it applies, the first being the headline.
    `control` is a wrong prediction of a number observed: it must be refuted, or the check has no
    power. `corrected` are predictions of the corrected statement, if it fails as stated. `outside`
    are the statement's predictions where its condition is not met, if it has one: these must be
    refuted, or the condition is not needed. `condition` says the condition, or the correction, in
    words, and `condition_by` who states it: ``paper`` or ``here``. `scope`, one of `SCOPES`, says
    what was tested: the paper's own object, one that stands for it, a run that was stored, or what
    a statement about society presupposes.
    """

    stated: tuple
    control: Comparison
    corrected: tuple = ()
    outside: tuple = ()
    condition: str = ""
    part: str = ""
    scope: str = "as in the paper"
    condition_by: str = "here"

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

    def row(self):
        """Return the evidence as a flat dict, for tables and for machines."""
        headline = self.stated[0]
        return {
            "part": self.part,
            "verdict": self.verdict,
            "scope": self.scope,
            "condition": self.condition,
            "condition_by": self.condition_by if self.verdict == CONDITION else "",
            "quantity": headline.quantity,
            "predicted": headline.predicted,
            "observed": headline.observed,
            "standard_error": headline.standard_error,
            "law": headline.law,
            "z": headline.z,
        }


def _agree(comparisons):
    return all(abs(c.z) < AGREES for c in comparisons)


def _refuted(comparison):
    return abs(comparison.z) > (REFUTES if comparison.law == "normal" else AGREES)


@dataclass(frozen=True)
class Entry:
    """A claim and the evidence of its checks, one for each part; none where there is no check."""

    statement: Statement
    parts: tuple

    @property
    def verdict(self):
        """The verdict of all parts together, *not tested here* without evidence."""
        found = {part.verdict for part in self.parts}
        if not found:
            return UNTESTED
        if UNDECIDED in found:
            return UNDECIDED
        if FAILS in found:
            return FAILS if found == {FAILS} else PARTLY
        return CONDITION if CONDITION in found else HOLDS

    def row(self):
        """Return the claim as a dict, for machines, with its parts."""
        statement = self.statement
        return {
            "id": statement.identifier,
            "statement": statement.text,
            "source": statement.source,
            "kind": statement.kind,
            "chapter": statement.chapter,
            "verdict": self.verdict,
            "untested": statement.untested,
            "parts": [part.row() for part in self.parts],
        }
