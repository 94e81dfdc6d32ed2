"""The blessed models that a new one is compared with, and goes on from."""

from __future__ import annotations

from collections.abc import Set

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as pb
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.common import resolver

MODEL, BLESSING, CANDIDATE, DATA = "model", "model_blessing", "candidate", "data"

Artifacts = dict[str, list[types.Artifact]]


class LastBlessedOther(resolver.ResolverStrategy):
    """Resolves the latest blessed model that is not the candidate itself.

    TFX's own `LatestBlessedModelStrategy` would answer, on a second run over unchanged inputs, with the very
    model under test; the evaluator's inputs would differ from the first run's and nothing after it could be
    served from the cache. Comparing a model with itself says nothing, either.

    Input channels: `model` and `model_blessing` (all there are), `candidate` (the trainer's output).
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Return the model and its blessing, or empty lists when there is none yet."""
        candidates = input_dict.get(CANDIDATE, [])
        return {**_last_blessed(input_dict, {artifact.id for artifact in candidates}), CANDIDATE: candidates}


class LastBlessedElsewhere(resolver.ResolverStrategy):
    """Resolves the latest blessed model that was not trained on the data at hand.

    A second run over the same data does not find the model of the first, so that training is served from the cache,
    and no model goes twice over one day's rows because the pipeline ran twice.

    Input channels: `model` and `model_blessing` (all there are), `data` (an input of today's training).
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Return the model and its blessing, or empty lists when there is none yet."""
        data = input_dict.get(DATA, [])
        return {**_last_blessed(input_dict, _made_from(store, {artifact.id for artifact in data})), DATA: data}


def _last_blessed(found: Artifacts, left_out: Set[int]) -> Artifacts:
    blessings = {
        blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
        for blessing in found.get(BLESSING, [])
        if blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE
    }
    for model in sorted(found.get(MODEL, []), key=lambda artifact: artifact.id, reverse=True):
        if model.id in blessings and model.id not in left_out:
            return {MODEL: [model], BLESSING: [blessings[model.id]]}
    return {MODEL: [], BLESSING: []}


def _made_from(store: mlmd.MetadataStore, inputs: set[int]) -> set[int]:
    """Ids of all artifacts that come out of executions which took one of `inputs`."""
    takers = {e.execution_id for e in store.get_events_by_artifact_ids(inputs) if e.type == pb.Event.INPUT}
    return {e.artifact_id for e in store.get_events_by_execution_ids(takers) if e.type == pb.Event.OUTPUT}
