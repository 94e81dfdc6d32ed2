"""The specs that ship, read by `tfctr.spec.load_spec("movielens_100k")`; `template` explains every key."""
