"""The ledger as a table, for pages and for terminals."""

import textwrap
from html import escape

from companion.claims import ledger

SIGNS = {
    ledger.HOLDS: "\N{CHECK MARK}",
    ledger.CONDITION: "\N{CIRCLE WITH LEFT HALF BLACK}",
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
    row = {key: escape(v) if isinstance(v, str) else v for key, v in entry.row().items()}
    claim = f"<b>{row['id']}</b> {row['statement']}<br><small>{row['source']}</small>"
    verdict = f"<b>{SIGNS[entry.verdict]} {row['verdict']}</b><br><small>{row['condition']}</small>"
    evidence = ""
    if entry.evidence:
        evidence = (
            f"<small>{row['quantity']}:</small><br>predicted {row['predicted']:.4g}<br>"
            f"observed {row['observed']:.4g} ± {row['standard_error']:.1g}<br>"
            f"<small>z = {entry.evidence.stated[0].z:+.1f}</small>"
        )
    link = f'<a href="{row["chapter"]}.html">{row["chapter"]}</a>' if row["chapter"] else "none yet"
    cells = zip(HEAD[1:], (verdict, evidence, link), strict=True)
    cells = "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in cells)
    return f'<tr><th scope="row">{claim}</th>{cells}</tr>'


def _lines(entry):
    row = entry.row()
    lines = [f"{row['id']:<4}{row['verdict'].upper()}", *_wrap(row["statement"])]
    if row["condition"]:
        why = "Why: " if entry.verdict == ledger.UNTESTED else "Note: "
        lines += _wrap(why + row["condition"])
    for c in entry.evidence.stated if entry.evidence else ():
        lines += _wrap(
            f"{c.quantity}: predicted {c.predicted:.4g}, "
            f"observed {c.observed:.4g} +- {c.standard_error:.2g} (z = {c.z:+.1f})"
        )
    return "\n".join([*lines, ""])


def _wrap(text):
    return textwrap.wrap(text, 96, initial_indent="    ", subsequent_indent="      ")
