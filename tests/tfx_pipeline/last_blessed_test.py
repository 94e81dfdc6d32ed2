"""Which blessed model is found, asked of a real store of metadata."""

from __future__ import annotations

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb
from tfx.components.evaluator import constants
from tfx.types.standard_artifacts import Model, ModelBlessing, TransformGraph

from tfx_pipeline.components.last_blessed import LastBlessedElsewhere, LastBlessedOther


class World:
    """Transform graphs, models trained on them, and their blessings."""

    def __init__(self) -> None:
        self.store = mlmd.MetadataStore(pb.ConnectionConfig(fake_database=pb.FakeDatabaseConfig()))
        self.trainer = self.store.put_execution_type(pb.ExecutionType(name="Trainer"))
        self.models: list[Model] = []
        self.blessings: list[ModelBlessing] = []

    def add(self, artifact: Model | ModelBlessing | TransformGraph) -> int:
        mlmd_type = pb.ArtifactType(name=artifact.type_name)
        type_id = self.store.put_artifact_type(mlmd_type, can_add_fields=True)
        artifact.id = self.store.put_artifacts([pb.Artifact(type_id=type_id)])[0]
        return artifact.id

    def graph(self) -> TransformGraph:
        graph = TransformGraph()
        self.add(graph)
        return graph

    def train(self, graph: TransformGraph, *, blessed: bool = True) -> Model:
        model, blessing = Model(), ModelBlessing()
        self.add(model)
        self.add(blessing)
        execution = self.store.put_executions([pb.Execution(type_id=self.trainer)])[0]
        ends = {graph.id: pb.Event.INPUT, model.id: pb.Event.OUTPUT}
        self.store.put_events([pb.Event(artifact_id=a, execution_id=execution, type=t) for a, t in ends.items()])
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
        self.models.append(model)
        self.blessings.append(blessing)
        return model

    def elsewhere(self, graph: TransformGraph) -> list[Model]:
        found = {"model": self.models, "model_blessing": self.blessings, "data": [graph]}
        return LastBlessedElsewhere().resolve_artifacts(self.store, found)["model"]

    def other(self, model: Model) -> list[Model]:
        found = {"model": self.models, "model_blessing": self.blessings, "candidate": [model]}
        return LastBlessedOther().resolve_artifacts(self.store, found)["model"]


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_found_before_the_first_model(world: World) -> None:
    assert world.elsewhere(world.graph()) == []


def test_models_of_the_same_data_and_those_not_blessed_are_left_out(world: World) -> None:
    monday, tuesday, wednesday = world.graph(), world.graph(), world.graph()
    first = world.train(monday)
    second = world.train(tuesday)
    assert world.elsewhere(monday) == [second]
    assert world.elsewhere(tuesday) == [first]
    again = world.train(tuesday)  # other settings, the same day
    assert world.elsewhere(tuesday) == [first]
    world.train(wednesday, blessed=False)
    assert world.elsewhere(wednesday) == [again]
    assert world.elsewhere(world.graph()) == [again]


def test_a_candidate_is_not_compared_with_itself(world: World) -> None:
    first, second = world.train(world.graph()), world.train(world.graph())
    assert world.other(second) == [first]
    assert world.other(first) == [second]
