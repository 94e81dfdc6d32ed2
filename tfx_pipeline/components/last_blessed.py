"""The model that a new one is compared with."""

from __future__ import annotations

import ml_metadata as mlmd
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.common import resolver

MODEL, BLESSING, CANDIDATE = "model", "model_blessing", "candidate"


class LastBlessedOther(resolver.ResolverStrategy):
    """Resolves the latest blessed model that is not the candidate itself.

    TFX's own `LatestBlessedModelStrategy` would answer, on a second run over unchanged inputs, with the very
    model under test; the evaluator's inputs would differ from the first run's and nothing after it could be
    served from the cache. Comparing a model with itself says nothing, either.

    Input channels: `model` and `model_blessing` (all there are), `candidate` (the trainer's output).
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Return the model and its blessing, or empty lists when there is none yet."""
        candidates = {artifact.id for artifact in input_dict.get(CANDIDATE, [])}
        blessings = {
            blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
            for blessing in input_dict.get(BLESSING, [])
            if blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE
        }
        found: dict[str, list[types.Artifact]] = {MODEL: [], BLESSING: [], CANDIDATE: input_dict.get(CANDIDATE, [])}
        for model in sorted(input_dict.get(MODEL, []), key=lambda artifact: artifact.id, reverse=True):
            if model.id in blessings and model.id not in candidates:
                found[MODEL], found[BLESSING] = [model], [blessings[model.id]]
                break
        return found
