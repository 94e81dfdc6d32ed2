"""The curated schema, judged by TensorFlow Data Validation itself."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.transform.conftest import EVERYTHING
from tests.transform.corners_test import SPEC as CORNERS
from tfctr.transform import example_batches, raw_schema

pytestmark = pytest.mark.filterwarnings("ignore")  # TFDV's own


def anomalies(table: pa.Table, *, lacking: tuple[str, ...] = ()) -> dict[str, str]:
    """What ExampleValidator would find: column -> short description."""
    import tensorflow_data_validation as tfdv
    from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory

    (batch,) = example_batches(table, EVERYTHING, optional=("weekday", *lacking), batch_rows=10_000)
    statistics = generate_statistics_in_memory(batch, tfdv.StatsOptions())
    found = tfdv.validate_statistics(statistics, raw_schema(EVERYTHING))
    return {name: info.short_description for name, info in found.anomaly_info.items()}


def replaced(table: pa.Table, name: str, values: list, type_: pa.DataType) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, type_))


def test_a_good_log_has_no_anomaly_but_the_column_left_out(train_log: pa.Table) -> None:
    assert set(anomalies(train_log)) == {"weekday"}  # a slice of the gates: the evaluation would lack it
    weekdays = train_log.append_column("weekday", pa.array(["Mon"] * train_log.num_rows))
    assert anomalies(weekdays) == {}


def test_a_feature_column_that_is_gone_is_an_anomaly(train_log: pa.Table) -> None:
    found = anomalies(train_log.drop_columns(["price", "clicks"]), lacking=("price", "clicks"))
    assert found["price"] == "Column dropped"
    assert found["clicks"] == "Column dropped"


def test_a_row_without_a_label_is_an_anomaly_unless_the_task_has_a_mask(train_log: pa.Table) -> None:
    rows = train_log.num_rows - 1
    assert "rating" in anomalies(replaced(train_log, "rating", [None] + [3] * rows, pa.int64()))
    assert "bought" not in anomalies(replaced(train_log, "bought", [None] + [1.0] * rows, pa.float32()))


def test_labels_and_weights_have_domains(train_log: pa.Table) -> None:
    rows = train_log.num_rows - 1
    assert "Out-of-range" in anomalies(replaced(train_log, "bought", [2.0] + [1.0] * rows, pa.float32()))["bought"]
    assert "Out-of-range" in anomalies(replaced(train_log, "paid", [-1.0] + [1.0] * rows, pa.float32()))["paid"]
    assert "Out-of-range" in anomalies(replaced(train_log, "known", [0.0] + [2.0] * rows, pa.float32()))["known"]


def test_a_vector_of_another_width_is_an_anomaly(train_log: pa.Table) -> None:
    rows = train_log.num_rows - 1
    short = replaced(train_log, "image", [[1.0, 2.0]] + [[1.0, 2.0, 3.0]] * rows, pa.list_(pa.float32()))
    assert "image" in anomalies(short)


def test_serving_has_no_outcomes() -> None:
    names = [feature.name for feature in raw_schema(EVERYTHING, serving=True).feature]
    assert names == [column.name for column in EVERYTHING.raw_columns(serving=True)]
    assert "rating" not in names


def test_a_column_that_only_splits_may_be_gone() -> None:
    features = {feature.name: feature for feature in raw_schema(CORNERS).feature}
    assert not features["part"].HasField("presence")
    assert features["cut"].presence.min_count == 1
