"""The command line: ``python -m companion claims`` prints the ledger."""

import argparse
import json

from collapse.progress import progress
from companion.claims import entries
from companion.claims.table import Table


def main(arguments=None):
    """Run the command line.

    `arguments`: the arguments, those of the process by default.
    """
    parser = argparse.ArgumentParser(prog="python -m companion", description="The book's ledger.")
    commands = parser.add_subparsers(dest="command", required=True)
    claims = commands.add_parser("claims", help="run the checks and print the ledger of claims")
    claims.add_argument("identifiers", nargs="*", metavar="ID", help="such as C12; all by default")
    claims.add_argument("--json", action="store_true", help="print for machines")
    options = parser.parse_args(arguments)
    try:
        found = list(progress(entries(options.identifiers or None), "claim"))
    except ValueError as error:
        parser.error(str(error))
    if options.json:
        print(json.dumps([entry.row() for entry in found], indent=1, ensure_ascii=False))
    else:
        print(Table(found))


if __name__ == "__main__":
    main()
