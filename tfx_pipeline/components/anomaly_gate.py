"""Stops the run when the data does not fit the schema, and says how."""

import json
import os
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies, JsonValue
from tfx.utils import io_utils

_FILE = "SchemaDiff.pb"


@dataclass(frozen=True)
class Anomaly:
    """One way in which a split does not fit: split, column, what is wrong, and how much of it."""

    split: str
    column: str
    problem: str
    detail: str


class AnomaliesFound(Exception):
    """The data does not fit the schema; the run must not go on.

    Attributes:
        anomalies: Everything that does not fit, in the order of splits and columns.
    """

    def __init__(self, anomalies: list[Anomaly]):
        self.anomalies = anomalies
        lines = [f"  {a.split}: {a.column}: {a.problem}: {a.detail}" for a in anomalies]
        super().__init__(
            f"{len(anomalies)} anomalies: the data does not fit what the spec says. Mend the data or the spec.\n"
            + "\n".join(lines)
        )


def read_anomalies(artifact: ExampleAnomalies) -> list[Anomaly]:
    """Return every anomaly of severity ERROR that ExampleValidator wrote."""
    found = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        path = os.path.join(artifact_utils.get_split_uri([artifact], split), _FILE)
        proto = anomalies_pb2.Anomalies.FromString(io_utils.read_bytes_file(path))
        if proto.data_missing:
            found.append(Anomaly(split, "(all)", "no rows", "the split is empty"))
        for column, info in sorted(proto.anomaly_info.items()):
            if info.severity == anomalies_pb2.AnomalyInfo.ERROR:
                found.append(Anomaly(split, column, info.short_description, info.description))
    return found


@component
def AnomalyGate(  # noqa: N802 - a component's name
    anomalies: InputArtifact[ExampleAnomalies], checked: OutputArtifact[JsonValue]
) -> None:
    """Raise `AnomaliesFound` when there is any; Transform waits for this step.

    Args:
        anomalies: What ExampleValidator found.
        checked: The splits that were looked at, written when all is well.
    """
    found = read_anomalies(anomalies)
    if found:
        raise AnomaliesFound(found)
    checked.write(json.loads(anomalies.split_names))
