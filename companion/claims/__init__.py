"""The ledger of claims: every statement of the paper, and its check where one exists.

The statements are data, in ``statements.toml``. Their checks are named there, and imported only
when they are run: a chapter depends on the checks that it shows, and on no others.
"""

import importlib
import tomllib
from pathlib import Path

from companion.claims.ledger import Entry, Statement
from companion.remembered import remembered

STATEMENTS = tuple(
    Statement(identifier, **{k: " ".join(v.split()) if v is str(v) else v for k, v in data.items()})
    for identifier, data in tomllib.loads(
        Path(__file__).with_name("statements.toml").read_text("utf-8")
    ).items()
)


def parts(name):
    """Return the evidence of a check, one for each part of a claim that it settles."""
    module, _, function = name.partition(".")
    found = getattr(importlib.import_module(f"companion.claims.{module}"), function)
    evidence = remembered(f"claims.{name}", found)
    return evidence if isinstance(evidence, list) else [evidence]


def entries(identifiers=None):
    """Yield the ledger's entries, in order, running the checks of all claims or of some."""
    known = [statement.identifier for statement in STATEMENTS]
    wanted = known if identifiers is None else list(identifiers)
    for identifier in wanted:
        if identifier not in known:
            raise ValueError(f"identifiers must be among {', '.join(known)}, got {identifier!r}")
    for statement in STATEMENTS:
        if statement.identifier in wanted:
            found = [part for name in statement.checks for part in parts(name)]
            yield Entry(statement, tuple(found))
