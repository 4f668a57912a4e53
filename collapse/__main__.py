"""The command line: ``collapse claims`` prints the ledger."""

import argparse
import json
import textwrap

from tqdm import tqdm

from collapse.claims import entries
from collapse.claims.ledger import UNTESTED


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments, those of the process by default.
    """
    parser = argparse.ArgumentParser(prog="collapse", description="Model collapse, computed.")
    commands = parser.add_subparsers(dest="command", required=True)
    claims = commands.add_parser("claims", help="run the checks and print the ledger of claims")
    claims.add_argument("identifiers", nargs="*", metavar="ID", help="C1 to C37, S1 to S9")
    claims.add_argument("--json", action="store_true", help="print for machines")
    options = parser.parse_args(arguments)
    try:
        found = list(tqdm(entries(options.identifiers or None), leave=False, unit="claim"))
    except ValueError as error:
        parser.error(str(error))
    if options.json:
        print(json.dumps([entry.row() for entry in found], indent=1, ensure_ascii=False))
    else:
        print("\n".join(_text(entry) for entry in found))


def _text(entry):
    """Return an entry as lines for a terminal."""
    row = entry.row()
    lines = [f"{row['id']:<4}{row['verdict'].upper()}", *_wrap(row["statement"])]
    if row["condition"]:
        lines += _wrap(("Why: " if entry.verdict == UNTESTED else "Note: ") + row["condition"])
    for c in entry.evidence.stated if entry.evidence else ():
        lines += _wrap(
            f"{c.quantity}: predicted {c.predicted:.4g}, "
            f"observed {c.observed:.4g} +- {c.standard_error:.2g} (z = {c.z:+.1f})"
        )
    return "\n".join([*lines, ""])


def _wrap(text):
    return textwrap.wrap(text, 96, initial_indent="    ", subsequent_indent="      ")


if __name__ == "__main__":
    main()
