"""A causal encoder of behaviour that also learns to predict what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.sequence.multi_head_attention import MultiHeadAttention
from tfctr.layers.sequence.transformer_encoder import TransformerEncoder

GAP_BUCKETS = 32
"""Powers of two of seconds: bucket 31 holds gaps of 68 years."""


@keras.saving.register_keras_serializable(package="tfctr")
class BehaviourEncoder(KernelLayer):
    """``H = causal transformer(tokens)``; the output is what the candidate finds in H.

    A token is a linear map of the event's embeddings and, with times, of the bucket (a power of two) of the seconds
    since the event before. In training, every position also predicts its successor, which is dense supervision where
    labels are rare. For positions t of which t and t + 1 hold events, both means over such pairs of the batch:

    - ``L_action``: cross entropy of ``softmax(W_a h_t + b_a)`` with the action of event t + 1, for each column of
      actions.
    - ``L_item = -log exp(⟨P h_t, v_{t+1}⟩ / τ) / sum_j exp(⟨P h_t, v_j⟩ / τ)``, v the embedding of an item. j runs over
      the successor itself and the latest item of each of the first `negatives` rows with another item: all events of
      the batch would cost their number squared.

    ``auxiliary_weight · (L_action + L_item)`` goes through ``add_loss``; outside training neither it nor its heads are
    in the graph. The candidate is attended after the causal encoder and so cannot leak into the auxiliary task.
    Under a `tf.distribute` strategy negatives come from the replica's own rows.

    Input shape: target ``(batch, any)``, sequence ``(batch, length, width)`` oldest first, mask bool
        ``(batch, length)``, True = keep, times int ``(batch, length)``, items int ``(batch, length)``: ids that tell
        whether two events are of one item, actions int ``(batch, length, columns)``.
    Output shape: ``(batch, dim)``; a row without events gives the same vector for every candidate.

    Args:
        dim: Width of tokens and output.
        num_layers: Encoder layers; 2, and none makes the tokens themselves the states.
        num_heads: Heads of all attention; divides `dim`.
        with_times: Whether the time gap is part of a token.
        item_dim: Leading coordinates of an event that are its item's embedding; None takes all.
        num_actions: Ids of each column of actions, padding included; empty leaves ``L_action`` out.
        auxiliary_weight: λ; 0 switches the auxiliary loss off.
        temperature: τ, above 0.
        negatives: Rows whose latest item is a negative, at most.
        dropout_rate: Share of the encoder's branches dropped in training, in [0, 1).
        kernel_initializer: None keeps the defaults of the parts.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `temperature` is not above 0.

    Reference: the encoder and the loss follow the practice described for Pinterest's conversion model, arXiv
    2504.08169, whose details are not public; encoding causally and attending afterwards is this library's choice.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_layers: int = 2,
        num_heads: int = 2,
        with_times: bool = False,
        item_dim: int | None = None,
        num_actions: Sequence[int] = (),
        auxiliary_weight: float = 0.1,
        temperature: float = 0.07,
        negatives: int = 512,
        dropout_rate: float = 0.0,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if temperature <= 0:
            raise ValueError(f"temperature is above 0. Received: {temperature=}")
        self.dim = dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.with_times = with_times
        self.item_dim = item_dim
        self.num_actions = tuple(num_actions)
        self.auxiliary_weight = auxiliary_weight
        self.temperature = temperature
        self.negatives = negatives
        self.dropout_rate = dropout_rate

    def build(self, target_shape: Shape, sequence_shape: Shape) -> None:
        batch, length, width = sequence_shape
        if self.with_times:
            self._gaps = self.add_weight(name="gaps", shape=(GAP_BUCKETS, self.dim), initializer="glorot_uniform")
        token_width = width + (self.dim if self.with_times else 0)
        self._token = self._dense(self.dim, "token", token_width)
        self._layers_of_encoder = [
            TransformerEncoder(
                self.num_heads,
                causal=True,
                dropout_rate=self.dropout_rate,
                **self.part(f"encoder_{index}"),
            )
            for index in range(self.num_layers)
        ]
        for layer in self._layers_of_encoder:
            layer.build((batch, length, self.dim))
        self._attention = MultiHeadAttention(self.num_heads, self.dim, **self.part("attention"))
        self._attention.build((batch, 1, target_shape[-1]), (batch, length, self.dim))
        if self.auxiliary_weight:
            self._next_item = self._dense(self.item_dim or width, "next_item", self.dim, use_bias=False)
            self._next_actions = [
                self._dense(number, f"next_action_{index}", self.dim) for index, number in enumerate(self.num_actions)
            ]

    def _dense(self, units: int, name: str, width: int, *, use_bias: bool = True) -> keras.layers.Dense:
        return self.make_dense(units, name, (None, None, width), use_bias=use_bias)

    def call(
        self,
        target: Tensor,
        sequence: Tensor,
        mask: Tensor | None = None,
        times: Tensor | None = None,
        items: Tensor | None = None,
        actions: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        """Return what the candidate finds in the encoded events, ``(batch, dim)``; training adds the auxiliary loss.

        Args:
            target: Candidate ``(batch, any)``.
            sequence: Embedded events ``(batch, length, width)``, oldest first.
            mask: bool ``(batch, length)``, True = an event; None takes all positions.
            times: Seconds, int ``(batch, length)``; needed when `with_times`.
            items: Ids of the events' items, int ``(batch, length)``, which keep an item from being its own negative.
            actions: Ids of the events' actions, int ``(batch, length, columns)``; needed with `num_actions`.
            training: Whether the auxiliary loss and dropout apply.
        """
        if mask is None:
            mask = ops.ones(ops.shape(sequence)[:2], dtype="bool")
        sequence = ops.where(ops.expand_dims(mask, -1), sequence, ops.zeros_like(sequence))
        states = self.states(sequence, mask, times, training=training)  # (batch, length, dim)
        if training and self.auxiliary_weight and sequence.shape[1] > 1:
            loss = self.next_item_loss(states, sequence, mask, items)
            if self.num_actions:
                loss = loss + self.next_action_loss(states, mask, actions)
            self.add_loss(self.auxiliary_weight * loss)
        found = self._attention(ops.expand_dims(target, 1), states, mask=mask)  # (batch, 1, dim)
        return ops.squeeze(found, axis=1)

    def states(
        self, sequence: Tensor, mask: Tensor, times: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        """Return ``h_t``, which knows the events up to t alone: ``(batch, length, dim)``, zeros where padded."""
        tokens = sequence
        if self.with_times:
            gaps = ops.cast(ops.take(self._gaps, _gap_buckets(times), axis=0), self.compute_dtype)
            tokens = ops.concatenate([sequence, gaps], axis=-1)  # (batch, length, width + dim)
        states = self._token(tokens)  # (batch, length, dim)
        for layer in self._layers_of_encoder:
            states = layer(states, mask=mask, training=training)
        return ops.where(ops.expand_dims(mask, -1), states, ops.zeros_like(states))

    def next_action_loss(self, states: Tensor, mask: Tensor, actions: Tensor) -> Tensor:
        """Return ``L_action``, summed over the columns of actions: float32 scalar."""
        pairs = ops.logical_and(mask[:, :-1], mask[:, 1:])  # (batch, length - 1)
        total = 0.0
        for index, head in enumerate(self._next_actions):
            logits = ops.cast(head(states[:, :-1]), "float32")  # (batch, length - 1, actions)
            wanted = ops.expand_dims(ops.cast(actions[:, 1:, index], "int32"), -1)  # (batch, length - 1, 1)
            chosen = ops.squeeze(ops.take_along_axis(logits, wanted, axis=-1), -1)  # (batch, length - 1)
            total = total + _mean(ops.logsumexp(logits, axis=-1) - chosen, pairs)
        return total

    def next_item_loss(self, states: Tensor, sequence: Tensor, mask: Tensor, items: Tensor | None = None) -> Tensor:
        """Return ``L_item``: float32 scalar. Without `items` a negative may be the very item that is wanted."""
        vectors = ops.cast(sequence[..., : self.item_dim or sequence.shape[-1]], "float32")  # (batch, length, item_dim)
        wanted = (
            ops.cast(self._next_item(states[:, :-1]), "float32") / self.temperature
        )  # (batch, length - 1, item_dim)
        positive = ops.sum(wanted * vectors[:, 1:], axis=-1, keepdims=True)  # (batch, length - 1, 1)
        events = ops.sum(ops.cast(mask, "int32"), axis=1)  # (batch,)
        last = ops.expand_dims(ops.maximum(events - 1, 0), -1)[: self.negatives]  # (negatives, 1)
        others = ops.take_along_axis(vectors[: self.negatives], ops.expand_dims(last, -1), axis=1)[:, 0]
        logits = ops.einsum("btd,nd->btn", wanted, others)  # (batch, length - 1, negatives)
        usable = (events > 0)[None, None, : self.negatives]  # (1, 1, negatives)
        if items is not None:
            latest = ops.take_along_axis(items[: self.negatives], last, axis=1)[:, 0]  # (negatives,)
            usable = ops.logical_and(usable, ops.not_equal(ops.expand_dims(items[:, 1:], -1), latest[None, None]))
        logits = ops.concatenate([positive, ops.where(usable, logits, -1e9)], axis=-1)  # (…, 1 + negatives)
        pairs = ops.logical_and(mask[:, :-1], mask[:, 1:])  # (batch, length - 1)
        return _mean(ops.logsumexp(logits, axis=-1) - positive[..., 0], pairs)

    def compute_output_spec(self, target: Tensor, sequence: Tensor, *args: Any, **kwargs: Any) -> keras.KerasTensor:
        return keras.KerasTensor((sequence.shape[0], self.dim), dtype=self.compute_dtype)


def _gap_buckets(times: Tensor) -> Tensor:
    """``floor(log2(1 + seconds since the event before))``, int32 ``(batch, length)``; 0 for the first event."""
    gaps = ops.maximum(times[:, 1:] - times[:, :-1], 0)  # (batch, length - 1)
    buckets = ops.floor(ops.log2(1.0 + ops.cast(gaps, "float32")))
    return ops.pad(ops.cast(ops.minimum(buckets, GAP_BUCKETS - 1), "int32"), ((0, 0), (1, 0)))


def _mean(values: Tensor, kept: Tensor) -> Tensor:
    """Mean over the kept ones, 0 when there are none."""
    count = ops.sum(ops.cast(kept, "float32"))
    return ops.sum(ops.where(kept, values, 0.0)) / ops.maximum(count, 1.0)
