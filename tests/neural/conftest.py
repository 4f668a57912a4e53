"""The tests of the optional part are left out where its libraries are not installed."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
if not all(map(find_spec, ("torch", "transformers", "accelerate", "gguf"))):
    collect_ignore_glob = ["test_*.py"]
