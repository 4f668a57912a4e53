"""The results of the verification as a table for a page."""

from html import escape

HEAD = ("Law", "Setting", "Predicted and observed", "Control")


class Table:
    """Results of `companion.checks.run` as a table.

    `results`: the results, in order.
    """

    def __init__(self, results):
        self.results = tuple(results)

    def __repr__(self):
        return "\n".join(
            f"{r.entry.name}: z = {r.comparison.z:+.2f}, control {r.control.z:+.1f}"
            for r in self.results
        )

    def _repr_html_(self):
        names = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
        rows = "\n".join(_row(result) for result in self.results)
        head = f"<thead><tr>{names}</tr></thead>"
        return f'<table class="ledger verification">{head}\n<tbody>{rows}</tbody></table>'


def _row(result):
    entry, comparison, control = result
    name = escape(entry.name.partition(".")[2])
    formula = f'<span class="math notranslate nohighlight">\\({escape(entry.formula)}\\)</span>'
    law = f"<b>{name}</b><br>{formula}<br><small>{entry.status}</small>"
    setting = escape(f"{entry.setting}: {comparison.quantity}")
    z = "numerical" if entry.numerical else f"z = {comparison.z:+.1f}"
    numbers = (
        f"{comparison.predicted:.5g}<br>{comparison.observed:.5g} "
        f"± {comparison.standard_error:.1g}<br><small>{z}</small>"
    )
    wrong = f"<small>{escape(control.quantity)}</small><br>|z| = {abs(control.z):.3g}"
    cells = zip(HEAD[1:], (f"<small>{setting}</small>", numbers, wrong), strict=True)
    cells = "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in cells)
    return f'<tr><th scope="row">{law}</th>{cells}</tr>'
