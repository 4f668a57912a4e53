"""The stored runs of a pretrained network are complete in themselves, and verified when read."""

import hashlib
import shutil

import numpy as np
import pytest

from companion import datasets
from companion.neural import runs

FOLDER = datasets.DATA / "neural"


def test_every_stored_file_is_listed_and_intact():
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {p.relative_to(FOLDER).as_posix(): p for p in FOLDER.glob("*/*")}
    assert listed == {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in files.items()}


@pytest.mark.parametrize("run", runs().values(), ids=runs())
def test_a_run_agrees_with_its_text(run):
    """Numbers are recomputed from the stored tokens, and text is where the record says."""
    settings, generations = run.record["settings"], run.record["generations"]
    assert len(run.log_losses[0]) == settings["test_blocks"]
    for n, found in enumerate(generations):
        blocks = run.blocks(n)
        assert blocks.shape == (settings["blocks"], settings["length"])
        assert len(np.unique(blocks)) == found["written"]["distinct tokens"]
        assert np.isclose(np.exp(run.log_losses[n].mean()), found["test"]["perplexity"], rtol=1e-3)
        assert np.isclose(np.median(run.judged[n]), found["written"]["median"], atol=0.01)


def test_runs_of_a_seed_share_generation_zero():
    first = {}
    for run in runs().values():
        losses = run.log_losses[0]
        known = first.setdefault(run.record["settings"]["seed"], losses)
        np.testing.assert_allclose(losses, known, atol=0.05)
    assert runs()["replace-1"].rise(0).std() == 0


def test_a_damaged_run_is_refused(tmp_path, monkeypatch):
    shutil.copytree(FOLDER, tmp_path / "neural")
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    (tmp_path / "neural" / "replace-1" / "run.json").write_text("{}")
    runs.cache_clear()
    with pytest.raises(datasets.DamagedDataError, match=r"replace-1/run\.json"):
        runs()
    monkeypatch.undo()
    runs.cache_clear()
