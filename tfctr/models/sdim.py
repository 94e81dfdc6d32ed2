"""SDIM: long histories pooled by hash collision, the user's side computed apart."""

from __future__ import annotations

from typing import Any

from keras import KerasTensor, ops

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.sequence import SDIMAttention, SoftmaxAttention, latest_events
from tfctr.models._histories import Compared, candidate, compared
from tfctr.models._registry import register_model
from tfctr.models.extra_signature import ADD_EVENTS, ENCODE_USER, RANK_WITH_STATE, REMOVE_EVENTS, ExtraSignature
from tfctr.models.history_model import HistoryModel
from tfctr.spec import BoundSpec, SequenceFeature


@register_model(
    paper="Cao et al., CIKM 2022",
    label="SDIM, with the user's side encoded apart",
    small={
        "embedding_dim": 4,
        "hidden_units": (6, 5),
        "batch_norm": True,
        "signatures": 4,
        "bits": 2,
        "short_length": 2,
        "head_dim": 3,
        "product": True,
    },
)
class SDIM(HistoryModel):
    """``logit = MLP([fields ; long(q) ; short(q)])``: `SDIMAttention` over a history, attention over its latest events.

    The paper's two services are signatures of one served model, so that they can never disagree on tables or hashes.
    `encode_user` is its behaviour sequence encoder (BSE): the user's events to buckets, unnormalised, of a size that
    does not depend on their number. `rank_with_state` scores N candidates with these buckets in place of the events;
    of the events it takes the latest `short_length` alone. Buckets add up, so `add_events` and `remove_events` keep a
    user's state as they act, without their history; rounding adds up too, so encode anew once in a while.

    Args:
        spec: Bound spec with at least one sequence that names its target.
        signatures: G of `SDIMAttention`; the paper's 16.
        bits: τ of `SDIMAttention`; the paper's 3. 0 pools without regard to the candidate.
        l2_norm: Of `SDIMAttention`.
        short_length: Latest events of each history for the short branch; the paper's 50 (16 on Taobao), 0 for none.
        num_heads: Of the short branch's `SoftmaxAttention`; 0 compares embeddings as they are.
        head_dim: Width of such a head.
        product: Whether ``long(q) ∘ q`` also enters the tower; the paper has no such part.
        **options: The tower's, see `HistoryModel`, and those of `CTRModel`.

    Raises:
        ValueError: When `short_length` is below 0.
        SpecError: When the spec has no sequence, or one without a candidate's feature to be compared with.

    Reference: Y. Cao et al., "Sampling Is All You Need on Modeling Long-Term User Behaviors for CTR Prediction", CIKM
    2022, arXiv 2205.10249, sections 4.1-4.4.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        signatures: int = 16,
        bits: int = 3,
        l2_norm: bool = True,
        short_length: int = 50,
        num_heads: int = 2,
        head_dim: int = 16,
        product: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        if short_length < 0:
            raise ValueError(f"short_length is at least 0. Received: short_length={short_length}")
        self.signatures = signatures
        self.bits = bits
        self.l2_norm = l2_norm
        self.short_length = short_length
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.product = product
        mains = [history.events[0] for history in self.histories]
        self.long = [
            SDIMAttention(signatures, bits, l2_norm=l2_norm, dtype=self.dtype_policy, name=f"long_{main}")
            for main in mains
        ]
        self.short = [
            SoftmaxAttention(num_heads, head_dim, **self.part(f"short_{main}")) for main in mains if self.short_length
        ]
        self.tower = self.make_tower()

    def interests(
        self, index: int, compared: Compared, features: dict[str, Any], training: bool | None = None
    ) -> list[Any]:
        return self._with_short_interest(index, compared, self.long[index](*compared))

    def _with_short_interest(self, index: int, compared: Compared, long: Any) -> list[Any]:
        """What stands beside the long interest of one history."""
        target, events, mask = compared
        parts = [long, target * long] if self.product else [long]
        if self.short_length:
            latest, latest_mask = latest_events(events, mask, self.short_length)  # (batch, short_length, …)
            parts.append(self.short[index](target, latest, mask=latest_mask))
        return parts

    def user_state(self, features: dict[str, Any]) -> dict[str, Any]:
        """Return the buckets of the users of a batch, from the ids of their histories alone.

        Returns:
            ``<history>__buckets`` -> float32 ``(batch, signatures, 2^bits, width + 1)`` of each history, see
            `SDIMAttention.bucket_sums`.
        """
        state = {}
        for history, long in zip(self.histories, self.long, strict=True):
            rows = self.embedding.rows_of(features, history.events)
            events = ops.concatenate([rows[name] for name in history.events], axis=-1)  # (batch, length, width)
            mask = ops.not_equal(features[history.events[0]], 0)
            state[_state_name(history.events[0])] = long.bucket_sums(events, mask)
        return state

    def logits_with_state(self, features: dict[str, Any], state: dict[str, Any]) -> Any:
        """Return the logits ``(candidates, 1)`` of one user's candidates, from their state.

        Args:
            features: Of items a row a candidate, of user and context one row or as many; of histories the latest
                `short_length` events, or nothing when there is no short branch. More events are cut before any of
                them is looked up.
            state: Of `user_state`, one row.
        """
        embedded = self.embedding(self._with_latest_events(features))
        parts = [flatten_fields(embedded.fields)]
        for index, history in enumerate(self.histories):
            target = candidate(history, self.embedding, embedded)  # (candidates, width)
            buckets = state[_state_name(history.events[0])]
            long = self.long[index].read(buckets, ops.expand_dims(target, 0))[0]  # (candidates, width)
            parts += self._with_short_interest(index, compared(history, self.embedding, embedded), long)
        return self.tower(ops.concatenate(parts, axis=-1), training=False)

    def _with_latest_events(self, features: dict[str, Any]) -> dict[str, Any]:
        """A row a candidate, with histories cut to what the short branch reads; what it does not read has length 0."""
        named = self.spec.spec.features
        of_item = next((feature.name for feature in named if feature.role == "item"), named[0].name)
        rows = ops.shape(features[of_item])[0]
        lists = [name for f in self._sequences for name in ((f.name, f.times_name) if f.times else (f.name,))]
        cut = {name: ops.zeros((rows, 0), "int64") for name in lists}
        for history in self.histories if self.short_length else ():
            ids = ops.stack([features[name][:1] for name in history.events], axis=-1)  # one user: one row is enough
            latest, latest_mask = latest_events(ids, ops.not_equal(ids[..., 0], 0), self.short_length)
            latest = ops.where(ops.expand_dims(latest_mask, -1), latest, 0)  # (1, short_length, columns)
            for column, name in enumerate(history.events):
                cut[name] = ops.broadcast_to(latest[..., column], (rows, latest.shape[1]))
        others = {name: values for name, values in features.items() if name not in cut}
        return cut | {name: ops.broadcast_to(one, (rows, *one.shape[1:])) for name, one in others.items()}

    @property
    def _sequences(self) -> tuple[SequenceFeature, ...]:
        return tuple(feature for feature in self.spec.spec.features if isinstance(feature, SequenceFeature))

    def extra_signatures(self) -> tuple[ExtraSignature, ...]:
        events = tuple(name for history in self.histories for name in history.events)
        if any(feature.role == "item" for feature in self._sequences):
            return ()  # a history of the item is no user's state
        unread = {f.times_name for f in self._sequences} | (set() if self.short_length else set(events))
        others = tuple(info.name for info in self.spec.spec.inputs() if info.name not in unread)
        state = {
            _state_name(history.events[0]): KerasTensor(
                (None, self.signatures, 2**self.bits, len(history.events) * self.embedding_dim + 1), "float32"
            )
            for history in self.histories
        }

        def shifted(sign: float) -> Any:
            def shift(features: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
                return {name: before[name] + sign * change for name, change in self.user_state(features).items()}

            return shift

        def rank(features: dict[str, Any], state: dict[str, Any]) -> Any:
            return self.outputs_from_logits(self.logits_with_state(features, state), training=False)

        return (
            ExtraSignature(ENCODE_USER, events, lambda features, _: self.user_state(features), "state"),
            ExtraSignature(ADD_EVENTS, events, shifted(1.0), "state", state),
            ExtraSignature(REMOVE_EVENTS, events, shifted(-1.0), "state", state),
            ExtraSignature(RANK_WITH_STATE, others, rank, "probabilities", state, one_user=True),
        )


def _state_name(history: str) -> str:
    return f"{history}__buckets"
