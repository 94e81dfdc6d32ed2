"""Hand-made SavedModels that the tests serve: small, of every shape a foreign model may have."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import types_pb2

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


class _Everything(tf.Module):
    """Adds a bias to numbers, looks words up in an asset file, parses examples."""

    def __init__(self, bias: float, words: Path):
        super().__init__()
        self.bias = tf.Variable(bias)
        self.words = tf.saved_model.Asset(str(words))
        initializer = tf.lookup.TextFileInitializer(
            self.words.asset_path, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
        )  # fmt: skip
        self.table = tf.lookup.StaticHashTable(initializer, -1)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def numbers(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sum": tf.reduce_sum(x, 1) + self.bias, "twice": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def look_up(self, word: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"row": self.table.lookup(word), "echo": word}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def score(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32, 0.0)})
        yes = tf.sigmoid(parsed["x"] + self.bias)
        labels = tf.tile(tf.constant([["no", "yes"]]), [tf.shape(inputs)[0], 1])
        return {"scores": tf.stack([1 - yes, yes], 1), "classes": labels}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def value(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32, 0.0)})
        return {"outputs": (parsed["x"] + self.bias)[:, None]}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="steps")])
    def spin(self, steps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes as long as it is told."""
        size = 300
        matrix = tf.while_loop(lambda i, _: i < steps, lambda i, m: (i + 1, m @ m / 300.0), (0, tf.ones([size, size])))[
            1
        ]
        return {"done": tf.reduce_sum(matrix)}


def save_model(folder: Path, bias: float = 0.5) -> Path:
    """Write a version folder whose `numbers` adds `bias`; it appears in one rename."""
    part = folder.with_name(f".part-{folder.name}")
    part.parent.mkdir(parents=True, exist_ok=True)
    words = folder.parent / f".words-{folder.name}.txt"
    words.write_text("apple\nbanana\ncherry\n")
    module = _Everything(bias, words)
    signatures = {
        "serving_default": module.numbers,
        "look_up": module.look_up,
        "score": module.score,
        "value": module.value,
        "spin": module.spin,
    }
    tf.saved_model.save(module, str(part), signatures=signatures)
    words.unlink()  # the served model must use the copy among its assets
    part.replace(folder)
    return folder


def save_one_op_graph(folder: Path) -> Path:
    """Write a TF1 graph of one multiplication with `regress_x_to_y` and friends, as old exporters made them."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        serialized = v1.placeholder(tf.string, [None], "tf_example")
        parsed = v1.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        y = tf.multiply(parsed["x"], 0.5) + 2.0
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def({"inputs": info(serialized)}, {"outputs": info(y)}, REGRESS)
        direct = v1.saved_model.build_signature_def(
            {"x": info(parsed["x"])}, {"y": info(y)}, "tensorflow/serving/predict"
        )
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"regress_x_to_y": signature, "serving_default": direct}
        )
        builder.save()
    return folder


DTYPES = (
    "float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
    "uint64", "bool", "string", "complex64", "complex128",
)  # fmt: skip


def save_identities(folder: Path) -> Path:
    """Write a model with one signature a dtype that answers what it was sent."""

    def identity(dtype: str) -> tf.types.experimental.GenericFunction:
        @tf.function(input_signature=[tf.TensorSpec(None, dtype, name="x")])
        def same(x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": tf.identity(x)}

        return same

    module = tf.Module()
    module.functions = {dtype: identity(dtype) for dtype in DTYPES}
    tf.saved_model.save(module, str(folder), signatures=module.functions)
    return folder


def enum_of(dtype: str) -> int:
    """DataType number of a dtype by name."""
    return tf.dtypes.as_dtype(dtype).as_datatype_enum


assert types_pb2.DT_FLOAT == 1
