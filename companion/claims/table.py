"""The ledger as a table, for pages and for terminals."""

import textwrap
from html import escape

from companion.claims import ledger

SIGNS = {
    ledger.HOLDS: "\N{CHECK MARK}",
    ledger.CONDITION: "\N{CIRCLE WITH LEFT HALF BLACK}",
    ledger.PARTLY: "\N{CIRCLED TIMES}",
    ledger.FAILS: "\N{MULTIPLICATION X}",
    ledger.UNTESTED: "\N{EN DASH}",
    ledger.UNDECIDED: "?",
}

HEAD = ("Claim", "Verdict", "Evidence", "Chapter")


class Table:
    """The entries of the ledger as a table.

    `entries`: the entries, in order.
    """

    def __init__(self, entries):
        self.entries = tuple(entries)

    def __repr__(self):
        return "\n".join(_lines(entry) for entry in self.entries)

    def _repr_html_(self):
        names = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
        rows = "\n".join(_row(entry) for entry in self.entries)
        head = f"<thead><tr>{names}</tr></thead>"
        return f'<table class="ledger">{head}\n<tbody>{rows}</tbody></table>'


def _row(entry):
    statement, parts = entry.statement, entry.parts
    name, text, source, chapter, why = map(
        escape,
        (
            statement.identifier,
            statement.text,
            statement.source,
            statement.chapter,
            statement.untested,
        ),
    )
    claim = f"<b>{name}</b> {text}<br><small>{source}</small>"
    whole = f"<b>{SIGNS[entry.verdict]} {entry.verdict}</b>"
    verdict = f"{whole}<br><small>{why}</small>" if why else whole
    if len(parts) == 1:
        verdict += f"<br><small>{_why(parts[0])}</small>"
    else:
        verdict += "".join(
            f"<p><small><b>{SIGNS[part.verdict]} {escape(part.part)}</b>: {_why(part)}</small></p>"
            for part in parts
        )
    evidence = "".join(f"<p><small>{_numbers(part)}</small></p>" for part in parts)
    cells = zip(HEAD[1:], (verdict, evidence, _link(chapter)), strict=True)
    cells = "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in cells)
    return f'<tr><th scope="row">{claim}</th>{cells}</tr>'


def _link(chapter):
    return f'<a href="{chapter}.html">{chapter}</a>' if chapter else "none yet"


def _why(part):
    """Return scope and condition of a part in words."""
    by = f", a condition stated by the {part.condition_by}" if part.condition_by == "paper" else ""
    scope = f"<i>{part.scope}{by if part.verdict == ledger.CONDITION else ''}</i>"
    return f"{scope}. {escape(part.condition)}" if part.condition else scope


def _numbers(part):
    c = part.stated[0]
    return (
        f"{escape(c.quantity)}: predicted {c.predicted:.4g}, "
        f"observed {c.observed:.4g} ± {c.standard_error:.1g}, z = {c.z:+.1f}"
    )


def _lines(entry):
    statement = entry.statement
    lines = [f"{statement.identifier:<4}{entry.verdict.upper()}", *_wrap(statement.text)]
    if statement.untested:
        lines += _wrap(f"Why: {statement.untested}")
    for part in entry.parts:
        words = [part.part, part.scope, part.condition]
        lines += _wrap(f"{part.verdict}: {'; '.join(filter(None, words))}")
        for c in (*part.stated, *part.corrected):
            lines += _wrap(
                f"{c.quantity}: predicted {c.predicted:.4g}, "
                f"observed {c.observed:.4g} +- {c.standard_error:.2g} (z = {c.z:+.1f})"
            )
    return "\n".join([*lines, ""])


def _wrap(text):
    return textwrap.wrap(text, 96, initial_indent="    ", subsequent_indent="      ")
