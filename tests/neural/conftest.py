"""Tests of the optional part: ``make neural``, never part of ``make test``."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(HERE.parents[1] / "tools"))


def pytest_ignore_collect(collection_path, config):
    """Leave these tests out, unless they are asked for by their folder or file."""
    asked = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path == HERE or HERE in path.parents for path in asked) else True
