"""The stored phase diagrams are those of the committed sweep."""

import json

from collapse.sweep import read_spec, sweep
from companion import phases

SPEC = phases.FILE.parents[2] / "benchmarks" / "phases.toml"


def test_stored_tables_are_what_the_sweep_gives(tmp_path):
    settings, seed = read_spec(SPEC)
    stored = phases.stored()
    assert seed == stored["seed"]
    assert len(settings) == len(stored["times"]) + len(stored["kept"])
    chosen = [
        next(s for s in settings if s["sample_size"] == 300 and s["policy"] == "replace"),
        next(s for s in settings if s["sample_size"] == 300 and s["policy"] != "replace"),
        next(s for s in settings if s["fit"]["kind"] == "FitGaussian" and s["sample_size"] == 20),
    ]
    assert sweep(chosen, tmp_path, seed=seed, jobs=1) == 0
    made = json.loads(json.dumps(phases.summary(tmp_path)))
    assert len(made["times"]) == 2
    assert len(made["kept"]) == 1
    for table in ("times", "kept"):
        assert all(row in stored[table] for row in made[table])
