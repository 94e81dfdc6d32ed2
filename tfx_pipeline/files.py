"""Names that steps know each other's files by."""

SPLITS = ("train", "valid", "test")
"""Splits of the data: the model learns from the first, stops by the second, is judged by the third."""

KERAS_FILE = "model.keras"
"""The trained Keras model, in the trainer's folder."""

HISTORY_FILE = "history.json"
"""Training's figures, one dict an epoch, in the trainer's folder."""

START_FILE = "start.json"
"""What training began from, in the trainer's folder."""

STAGES_FILE = "stages.json"
"""Name, seconds and figures of each stage of the plan, in the trainer's folder."""

PARITY_FILE = "parity.json"
"""The parity report, in the step's folder and in ``assets.extra`` of the pushed model."""
