"""PEPNet: embeddings gated by the domain, then towers gated by user and item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.layers.interaction import FeatureGate, flatten_fields
from tfctr.models._domains import domain_of, domain_problems
from tfctr.models._registry import register_model
from tfctr.models.ppnet import PPNet
from tfctr.spec import BoundSpec, FeatureSpec, Problem


@register_model(
    paper="Chang et al., KDD 2023",
    label="PEPNet (many domains, several tasks)",
    small={
        "domain": "shop",
        "embedding_dim": 4,
        "hidden_units": (6,),
        "gate_units": 3,
        "batch_norm": True,
        "task_weights": {"buy": 2.0},
    },
)
class PEPNet(PPNet):
    """`PPNet` on ``x = gate(domain, stop_gradient(e)) ∘ e``, e the fields side by side: EPNet, then PPNet.

    The gate of EPNet is as wide as e; the domain has a table of its own for it. A domain that training did not see
    has the out-of-vocabulary vector, which starts near zero: the gate is then what the other fields make of it.

    Args:
        spec: Bound spec, of one task or several.
        domain: Name of the categorical feature whose ids are the domains; None takes the one that reads the spec's
            column `meta.domain`.
        **options: See `PPNet`; `gate_units` is the hidden width of this gate too.

    Raises:
        SpecError: When no categorical feature tells the domain, or neither users nor items have one.

    Reference: J. Chang et al., "PEPNet: Parameter and Embedding Personalized Network for Infusing with Personalized
    Prior Information", KDD 2023, arXiv 2302.01115, section 3.
    """

    def __init__(self, spec: BoundSpec | dict[str, Any], *, domain: str | None = None, **options: Any) -> None:
        super().__init__(spec, **options)
        self.domain = domain_of(self.spec, domain, type(self).__name__).name
        self.domain_embedding = self.make_embedding(only=(self.domain,), name="domain")
        width = len(self.embedding.field_names) * self.embedding_dim
        self.domain_gate = FeatureGate((self.gate_units or width,), context="input", **self.part("domain_gate"))

    @classmethod
    def option_problems(cls, spec: FeatureSpec, options: Mapping[str, Any]) -> list[Problem]:
        return domain_problems(spec, options, cls.__name__)

    def inputs(self, features: dict[str, Any]) -> Any:
        inputs = super().inputs(features)
        domain = flatten_fields(self.domain_embedding(features).fields)
        return self.domain_gate(inputs, ops.concatenate([domain, ops.stop_gradient(inputs)], axis=-1))
