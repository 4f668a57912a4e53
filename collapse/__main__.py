"""The command line: ``collapse sweep``."""

import argparse
import sys


def _sweep(options):
    from collapse.sweep import read_spec, results, sweep

    settings, seed = read_spec(options.spec)
    failed = sweep(
        settings,
        options.out,
        seed=seed,
        jobs=options.jobs,
        backend=options.backend,
        scheduler=options.scheduler,
    )
    if failed:
        raise ValueError(f"{failed} tasks failed: see the files *.error.json in {options.out}")
    if options.csv:
        results(options.out).to_csv(options.csv, index=False)


def _parser():
    parser = argparse.ArgumentParser(prog="collapse", description="The mathematics of collapse.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("sweep", help="run many settings of the recursion").add_argument
    add("spec", metavar="SPEC.toml", help="the settings; see collapse.sweep")
    add("--out", required=True, metavar="FOLDER", help="results; what is there is not run again")
    add("--jobs", type=int, default=-1, help="number of workers, -1 for all cores [-1]")
    add("--backend", default="loky", help="a backend of joblib, such as dask or ray [loky]")
    add("--scheduler", metavar="ADDRESS", help="of --backend dask")
    add("--csv", metavar="FILE", help="also write all results as one table")
    commands.choices["sweep"].set_defaults(run=_sweep)
    return parser


def main(arguments=None):
    """Run the command line; what is wrong with its input is said in one sentence."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ValueError as error:
        sys.exit(f"collapse: {error}")
    except KeyboardInterrupt:
        sys.exit("collapse: stopped; the same command goes on where this one ended")


if __name__ == "__main__":
    main()
