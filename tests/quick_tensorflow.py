"""TensorFlow writes down for each operation where in Python it was made: a tenth of the time of these tests.

Nobody reads it where tests pass. ``TFCTR_WHOLE_STACKS=1`` gives the true places back, for an error inside a graph.
"""

from __future__ import annotations

import importlib
import os

import keras
import tensorflow as tf

tf_stack = importlib.import_module("tensorflow.python.util.tf_stack")  # nothing public asks it not to look
HERE = tf_stack.extract_stack()
"""One place for all operations."""


def here(*args: object, **options: object) -> object:
    """Say that an operation was made in this file."""
    return HERE


def install() -> None:
    """Make graphs without their places, and show tracebacks whole, in this process; again does nothing."""
    if os.environ.get("TFCTR_WHOLE_STACKS"):
        return
    tf_stack.extract_stack = here
    tf.debugging.disable_traceback_filtering()
    keras.config.disable_traceback_filtering()
