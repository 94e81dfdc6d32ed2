"""The `tfctr` command, thin: each command finds its arguments, calls one function of a room, and prints what it said.

Everything heavier than typer and rich is imported inside the commands, so that `tfctr --help` is quick.

- `_app`: all verbs; those of the pipeline (run, compile, report, ...) come from `tfx_pipeline.commands`.
- `_spec`: check, infer, cross, show, schema. `_data`: list, fetch, prepare, simulate. `_serving`: serve and predict.
- `_models`: what can be named. `_ads`: the study of personality in ad recommendation.
- `_cluster_ids`: groups of ids that behave alike. `_rank_features`: which fields tell something about the label.
- `doctor`: the machine and the installation, looked over with the standard library alone.
- `_error_messages`: errors as messages instead of tracebacks. `_output`: files whole or not at all.
- `_table`: a plain table.
"""

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    from tfctr.cli._app import run

    run()
