"""One analyzer counts the values of all tables: its files are those that TFT's own vocabularies write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tfctr.transform._count_values import CountValues
from tfctr.transform._vocabulary_files import EMPTY_MARK, CountedFile
from tfctr.transform.fit import quiet_logs

FEATURES = {name: tf.io.VarLenFeature(tf.string) for name in ("a", "b", "c")}
ROWS = [
    {"a": [f"v{row % 7}", "x y".replace(" ", "\x1f")], "b": [f"w{row * row % 11}"] if row % 3 else [], "c": []}
    for row in range(40)
]


def ours(inputs: Mapping[str, Any]) -> dict[str, Any]:
    files = [CountedFile("a", min_count=6), CountedFile("b", max_size=3), CountedFile("c")]
    tokens = [inputs[name].values for name in FEATURES]
    sizes = tf.stack([tf.size(values, tf.int64) for values in tokens])
    tft.experimental.ptransform_analyzer(
        [*tokens, sizes],
        CountValues(files, "totals", list(FEATURES)),
        output_dtypes=[tf.string] * 4,
        output_shapes=[[]] * 4,
        output_asset_default_values=[b"0 " + EMPTY_MARK] * 4,
    )
    return {"rows": tf.size(tokens[0], tf.int64)[None]}


def tfts(inputs: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, dict[str, Any]] = {"a": {"frequency_threshold": 6}, "b": {"top_k": 3}, "c": {}}
    for name, settings in options.items():
        tft.vocabulary(inputs[name], vocab_filename=name, store_frequency=True, **settings)
    return {"rows": tf.size(inputs["a"].values, tf.int64)[None]}


def assets(folder: Path, preprocessing_fn: Any) -> dict[str, bytes]:
    metadata = tft.DatasetMetadata.from_feature_spec(FEATURES)
    with (
        quiet_logs(),
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(str(folder / "beam")),
    ):
        rows = pipeline | beam.Create(ROWS)
        written = (rows, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        written | tft_beam.WriteTransformFn(str(folder / "out"))
    return {path.name: path.read_bytes() for path in (folder / "out" / "transform_fn" / "assets").iterdir()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    both = {"ours": ours, "tfts": tfts}
    return {name: assets(tmp_path_factory.mktemp(name), function) for name, function in both.items()}


@pytest.mark.filterwarnings("ignore")  # of Beam and TFT, which work here alone
@pytest.mark.parametrize("name", FEATURES)
def test_a_file_is_tfts_to_the_byte(name: str, written: dict[str, dict[str, bytes]]) -> None:
    assert written["ours"][name] == written["tfts"][name]


@pytest.mark.filterwarnings("ignore")
def test_ties_thresholds_and_totals_by_hand(written: dict[str, dict[str, bytes]]) -> None:
    lines = written["ours"]["a"].split(b"\n")
    assert lines[0] == b"40 x\x1fy"
    assert lines[1:6] == [b"6 v%d" % value for value in (4, 3, 2, 1, 0)]  # 5 and 6 were seen five times
    assert written["ours"]["totals"] == b"80 a\n26 b\n"
