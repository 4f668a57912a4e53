"""Results of checks that are computed once in a build, for all chapters and tests that show them.

Where the environment variable ``COLLAPSE_RESULTS`` names a folder, as `make book` and `make test`
do, a check leaves its comparisons there, under a hash of all that can change them: the code of both
packages, the shipped data, a text of one's own, the locked versions, Python and the seed offset.
Elsewhere, and for mutated code, nothing is stored.
"""

import functools
import hashlib
import os
import pickle
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def _state():
    from companion.datasets import own_files  # the ledger imports no data until a check runs

    digest = hashlib.sha256(platform.python_version().encode())
    digest.update(os.environ.get("COLLAPSE_SEED_OFFSET", "0").encode())
    files = [path for package in ("collapse", "companion") for path in (ROOT / package).rglob("*")]
    for path in sorted([*files, *ROOT.glob("requirements.lock"), *ROOT.glob("chapters/*.json")]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    for path in own_files()[1]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def remembered(name, compute):
    """Return ``compute()``, which is pure, or what another process of this build made of it."""
    folder = os.environ.get("COLLAPSE_RESULTS")
    if not folder:
        return compute()
    path = Path(folder) / hashlib.sha256(f"{_state()} {name}".encode()).hexdigest()[:20]
    try:
        return pickle.loads(path.read_bytes())
    except (OSError, EOFError, pickle.UnpicklingError):
        found = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(pickle.dumps(found))
    draft.replace(path)
    return found
