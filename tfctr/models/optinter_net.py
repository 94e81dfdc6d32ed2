"""OptInterNet: each pair of fields is memorized, factorized or left out, as a search has found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from keras import ops

from tfctr.layers._base import deserialize_if_config
from tfctr.layers.embedding import FeatureEmbedding, RowPenalty
from tfctr.layers.interaction import PAIR_OPS, PairOpMixture, flatten_fields, pair_products
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec, CrossFeature, FeatureSpec, Problem, suggest

PairOp = Literal["memorize", "factorize", "naive"]


@register_model(
    paper="Lyu et al., ICDE 2022",
    label="OptInter (net)",
    small={"embedding_dim": 4, "cross_dim": 3, "hidden_units": (6, 5), "noise": "none"},
)
class OptInterNet(CTRModel):
    """``logit = MLP([e_1; …; e_F; b_1; …; b_P])``: all fields, and one vector for each pair of fields.

    The pairs are the spec's crosses of two features. Their vectors are narrower than those of the fields, which all
    other features have, and come from tables of their own:

    - memorized: the row of the cross, that is of the two values together;
    - factorized: the product, number by number, of two vectors of the crossed features, of a third table;
    - naive: nothing. All pairs naive is a plain network on the fields.

    Without `pair_ops` the three are mixed by learned weights, as a search wants it (`PairOpMixture`); `OptInter` is the
    plan that searches and trains what was chosen. With them only what was chosen is built: tables for memorized pairs
    alone, vectors for features in factorized pairs alone, and naive pairs are not there. All pairs of one way are the
    paper's baselines, OptInter-M and OptInter-F. Memorized pairs without hidden layers are Poly2 with vectors.

    Args:
        spec: Bound spec with crosses of two features.
        embedding_dim: s₁, width of a field; 20 as on Criteo.
        cross_dim: s₂, width of a pair; 10 as on Criteo.
        hidden_units: Widths of the hidden layers, each linear map → LayerNorm → ReLU.
        dropout_rate: Share of hidden units dropped in training; the paper drops none.
        pair_ops: Name of a cross -> ``memorize``, ``factorize`` or ``naive``, for all crosses; one word counts for all.
            None mixes them.
        noise: Of the mixture, see `PairOpMixture`.
        pair_cost: `cost` of the mixture.
        pair_l2: Takes the place of `embedding_l2` in the tables of pairs; 3e-8 as on Criteo, where fields have none.
            None leaves `embedding_l2` to all.
        **options: See `CTRModel`.

    Raises:
        ValueError: When `pair_ops` lacks a cross, or names what is no cross or no way.
        SpecError: When the spec has no crosses, or one of three features.

    Reference: F. Lyu et al., "Memorize, Factorize, or be Naive: Learning Optimal Feature Interaction Methods for CTR
    Prediction", ICDE 2022, arXiv 2108.01265. The released code draws no Gumbel noise (``noise="none"``), and keeps all
    tables behind a mask when it trains what was chosen.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        embedding_dim: int = 20,
        cross_dim: int = 10,
        hidden_units: tuple[int, ...] = (700, 700, 700, 700, 700),
        dropout_rate: float = 0.0,
        pair_ops: Mapping[str, PairOp] | PairOp | None = None,
        noise: Literal["gumbel", "none"] = "gumbel",
        pair_cost: float = 0.0,
        pair_l2: float | RowPenalty | None = 3e-8,
        **options: Any,
    ) -> None:
        super().__init__(spec, embedding_dim=embedding_dim, **options)
        self.cross_dim = cross_dim
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate
        self.noise, self.pair_cost, self.pair_l2 = noise, pair_cost, deserialize_if_config(pair_l2)
        crosses = [feature for feature in self.spec.spec.features if isinstance(feature, CrossFeature)]
        self.pair_ops = _checked(pair_ops, [cross.name for cross in crosses])
        of_way = {
            way: [c for c in crosses if self.pair_ops is None or self.pair_ops[c.name] == way] for way in PAIR_OPS
        }
        self._factorized = [(cross.of[0], cross.of[1]) for cross in of_way["factorize"]]
        of_fields = [f.name for f in self.spec.spec.features if not isinstance(f, CrossFeature)]
        self.embedding = self.make_embedding(only=tuple(of_fields), name="embedding")
        self.cross_embedding = self._of_pairs([cross.name for cross in of_way["memorize"]], "cross_embedding")
        self.factor_embedding = self._of_pairs([n for pair in self._factorized for n in pair], "factor_embedding")
        self.mixture = (
            PairOpMixture(self._places(), noise=noise, cost=pair_cost, dtype=self.dtype_policy, name="mixture")
            if self.pair_ops is None
            else None
        )
        self.tower = MLP(
            self.hidden_units, output_units=1, layer_norm=True, dropout_rate=dropout_rate, **self.part("tower")
        )

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        found = super().problems(spec)
        crosses = {i: f for i, f in enumerate(spec.features) if isinstance(f, CrossFeature)}
        if not crosses:
            text = f"{cls.__name__} chooses among crosses, and the spec has none; `tfctr spec cross` adds them"
            found.append(Problem(text, "features"))
        return found + [
            Problem(f"{cls.__name__} takes crosses of two features, {f.name!r} has {len(f.of)}", f"features.{i}.of")
            for i, f in crosses.items()
            if len(f.of) > 2
        ]

    def _of_pairs(self, names: list[str], part: str) -> FeatureEmbedding | None:
        """An embedding for pairs; None where there is nothing to embed."""
        if not names:
            return None
        return self.make_embedding(only=tuple(dict.fromkeys(names)), dim=self.cross_dim, l2=self.pair_l2, name=part)

    def _places(self) -> list[tuple[int, int]]:
        """Places of the two features of each factorized pair in the embedding of factors."""
        assert self.factor_embedding is not None
        index = self.factor_embedding.field_index
        return [(index(first), index(second)) for first, second in self._factorized]

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        fields = flatten_fields(self.embedding(features).fields)  # (batch, fields · embedding_dim)
        pairs = [flatten_fields(block) for block in self._pairs(features, training)]
        return self.tower(ops.concatenate([fields, *pairs], axis=-1), training=training)

    def _pairs(self, features: dict[str, Any], training: bool | None) -> list[Any]:
        """The vectors of pairs ``(batch, pairs, cross_dim)``: mixed, or the memorized ones and then the factorized."""
        memorized = self.cross_embedding(features).fields if self.cross_embedding else None
        factors = self.factor_embedding(features).fields if self.factor_embedding else None
        if self.mixture is not None:
            return [self.mixture(memorized, factors, training=training)]
        products = None if factors is None else pair_products(factors, self._places())
        return [block for block in (memorized, products) if block is not None]


def _checked(pair_ops: Mapping[str, PairOp] | PairOp | None, names: list[str]) -> dict[str, PairOp] | None:
    """The way of each cross, in the order of the spec."""
    if pair_ops is None:
        return None
    told = dict.fromkeys(names, pair_ops) if isinstance(pair_ops, str) else dict(pair_ops)
    if unknown := sorted(told.keys() - set(names)):
        raise ValueError(f"pair_ops names {unknown[0]!r}, which is no cross of the spec{suggest(unknown[0], names)}")
    if missing := [name for name in names if name not in told]:
        raise ValueError(f"pair_ops says nothing of {', '.join(missing)}; give each cross one of {', '.join(PAIR_OPS)}")
    if wrong := {name: way for name, way in told.items() if way not in PAIR_OPS}:
        name, way = next(iter(wrong.items()))
        raise ValueError(f"pair_ops of {name!r} is one of {', '.join(PAIR_OPS)}. Received: {way!r}")
    return {name: told[name] for name in names}
