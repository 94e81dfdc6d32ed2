"""The commands of `tfctr`, thin: each finds its arguments, calls one function of a room, and prints what it said.

Everything heavier than typer and rich is imported inside the commands, so that `tfctr --help` is quick.

- `spec`: check, infer, show, schema. `data`: list, fetch, prepare, simulate. `serving`: serve and predict.
- `cluster_ids`: groups of ids that behave alike. `rank_features`: which fields tell something about the label.
- `told`: errors as messages instead of tracebacks. `output`: files whole or not at all.
- `table`: a plain table.
"""
