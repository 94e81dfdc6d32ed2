"""What TensorFlow does for long runs and for people who look for an error, and what tests do without.

It writes down for each operation where in Python it was made: a tenth of the time of these tests. Nobody reads it where
they pass. ``TFCTR_WHOLE_STACKS=1`` gives the true places back, for an error inside a graph.

It rewrites each graph before its first run, those of `tf.data` at each epoch: a fifth of the time of a small model's
training, export and answers. Where a graph runs a few times, that never comes back.
"""

from __future__ import annotations

import importlib
import os

import keras
import tensorflow as tf

tf_stack = importlib.import_module("tensorflow.python.util.tf_stack")  # nothing public asks it not to look
HERE = tf_stack.extract_stack()
"""One place for all operations."""
ALL_GRAPHS = 1_000_000
"""Nodes below which a graph is not rewritten. (Without the rewriter, ``disable_meta_optimizer``, `tf.data` crashes.)"""


def here(*args: object, **options: object) -> object:
    """Say that an operation was made in this file."""
    return HERE


def install() -> None:
    """Run graphs as they are, without their places; show tracebacks whole. In this process; again does nothing."""
    if not tf.config.optimizer.get_experimental_options().get("min_graph_nodes"):
        tf.config.optimizer.set_experimental_options({"min_graph_nodes": ALL_GRAPHS})
    if os.environ.get("TFCTR_WHOLE_STACKS"):
        return
    tf_stack.extract_stack = here
    tf.debugging.disable_traceback_filtering()
    keras.config.disable_traceback_filtering()
