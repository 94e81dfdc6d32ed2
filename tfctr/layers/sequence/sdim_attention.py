"""Long histories without attention over them: SDIM's pooling by hash collision."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Layer, Shape, Tensor

_SMALLEST_SQUARE = 1e-24
"""Below this squared length a bucket counts as empty; its gradient is 0 and never a division by nothing."""


@keras.saving.register_keras_serializable(package="tfctr")
class SDIMAttention(Layer):
    """Average, over several random hashes, the sum of the events that collide with the candidate.

    ``v(q) = 1/G · sum_i l2( sum_j m_j [sig_i(q) = sig_i(s_j)] s_j )`` with mask ``m_j``. Signature ``sig_i`` is the
    number made of the signs of `bits` fixed random projections (``>= 0`` counts as 1). Two vectors at the angle θ
    collide with probability ``(1 − θ/π)^bits``, so the unnormalised sum is an unbiased sample of attention with
    these weights (Eq. 13-15; with `l2_norm` the paper's limit holds for the direction only). More bits are sharper:
    with 0 bits everything collides, and this is the normalised sum of the history.

    Buckets do not depend on the candidate. `bucket_sums` makes them once a user, `read` looks N candidates up in
    them at a cost that does not depend on the length; together they equal the call. Bucket sums add up over events,
    so new events are added to them and expired ones subtracted. Each bucket counts its events beside their sum: what
    rounding leaves behind in one that was emptied is no interest, though `l2_norm` would bring it to length 1.

    Hashing is done in float32 whatever the policy, and passes no gradient: the candidate gets none from here, the
    events get theirs through the sums. The projections are a weight, saved with the model, that never trains; the
    released reimplementation (FuxiCTR) can draw them anew each step and leaves `l2_norm` off.

    Input shape: target ``(batch, dim)``, sequence ``(batch, length, dim)`` from the same space (the same tables),
    mask bool ``(batch, length)``, True = keep. Times are ignored.
    Output shape: ``(batch, dim)``; zeros for a row without events.

    Args:
        signatures: G, how many signatures are averaged; the error shrinks as ``1/sqrt(G)`` and is negligible from
            the paper's 16 on. The m of the paper is ``signatures · bits``.
        bits: τ, bits of a signature; the paper's 3, good between 2 and 5.
        l2_norm: Whether each bucket's sum is brought to length 1, as in the paper.

    Raises:
        ValueError: When there is no signature, or a signature has fewer than 0 or more than 16 bits; when target and
            sequence differ in width (at build).

    Reference: Y. Cao et al., "Sampling Is All You Need on Modeling Long-Term User Behaviors for CTR Prediction", CIKM
    2022, arXiv 2205.10249, Eq. 5-12.
    """

    def __init__(self, signatures: int = 16, bits: int = 3, *, l2_norm: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if signatures < 1 or not 0 <= bits <= 16:
            raise ValueError(
                f"signatures is at least 1 and bits between 0 and 16. Received: signatures={signatures}, bits={bits}"
            )
        self.signatures = signatures
        self.bits = bits
        self.l2_norm = l2_norm

    @property
    def buckets(self) -> int:
        """Buckets of one signature, ``2^bits``."""
        return 1 << self.bits

    def build(self, target_shape: Shape, sequence_shape: Shape) -> None:
        dim = sequence_shape[-1]
        if target_shape[-1] != dim:
            raise ValueError(
                "target and sequence must have one width. "
                f"Received: target {tuple(target_shape)}, sequence {tuple(sequence_shape)}"
            )
        self.projections = None
        if self.bits:  # column i·bits + k is bit k of signature i
            self.projections = self.add_weight(
                name="projections",
                shape=(dim, self.signatures * self.bits),
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                trainable=False,
                autocast=False,
                dtype="float32",
            )

    def call(self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return the interest ``(batch, dim)`` of target ``(batch, dim)`` in sequence ``(batch, length, dim)``.

        The mask is bool ``(batch, length)``, None for all positions; times are ignored.
        """
        events = _masked(sequence, mask)
        of_target = ops.expand_dims(self.hash_codes(target), 1)  # (batch, 1, signatures)
        collides = ops.equal(of_target, self.hash_codes(events))  # (batch, length, signatures)
        if mask is not None:
            collides = ops.logical_and(collides, ops.expand_dims(mask, -1))
        collides = ops.transpose(ops.cast(collides, "float32"), (0, 2, 1))  # (batch, signatures, length)
        sums = ops.matmul(collides, events)  # (batch, signatures, dim)
        return ops.cast(ops.mean(self._normalised(sums), axis=1), self.compute_dtype)

    def hash_codes(self, vectors: Tensor) -> Tensor:
        """Return the signatures of vectors ``(..., dim)``, int32 ``(..., signatures)`` in ``[0, 2^bits)``."""
        vectors = ops.stop_gradient(ops.cast(vectors, "float32"))
        if self.projections is None:
            return ops.cast(ops.repeat(ops.zeros_like(vectors[..., :1]), self.signatures, axis=-1), "int32")
        signs = ops.cast(ops.matmul(vectors, self.projections) >= 0, "int32")  # (..., signatures · bits)
        code = sum(signs[..., bit :: self.bits] * 2**bit for bit in range(self.bits))
        return code

    def bucket_sums(self, sequence: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return what a user's events add up to in every bucket, float32 ``(batch, signatures, 2^bits, dim + 1)``.

        The last number of a bucket is how many events are in it. Its size does not depend on the length, nor does
        anything beyond the events and their signatures: each signature is one scatter-add.
        """
        events = _masked(sequence, mask)
        codes = self.hash_codes(events)  # (batch, length, signatures)
        ones = ops.ones_like(events[..., :1]) if mask is None else ops.cast(ops.expand_dims(mask, -1), "float32")
        users, width = ops.shape(sequence)[0], sequence.shape[-1] + 1
        first = ops.expand_dims(ops.arange(users, dtype="int32") * self.buckets, 1)  # (batch, 1)
        flat = ops.reshape(ops.concatenate([events, ones], axis=-1), (-1, width))  # (batch · length, dim + 1)
        tables = [  # of each signature (batch · 2^bits, dim + 1)
            ops.segment_sum(flat, ops.reshape(first + codes[..., index], (-1,)), users * self.buckets)
            for index in range(self.signatures)
        ]
        return ops.stack([ops.reshape(table, (-1, self.buckets, width)) for table in tables], axis=1)

    def read(self, buckets: Tensor, target: Tensor) -> Tensor:
        """Return the interest of each user with respect to candidates of their own.

        Args:
            buckets: Of `bucket_sums`, ``(users, signatures, 2^bits, dim + 1)``.
            target: ``(users, dim)``, or ``(users, candidates, dim)``.

        Returns:
            In the shape of `target`.
        """
        if len(target.shape) == 2:
            return ops.squeeze(self.read(buckets, ops.expand_dims(target, 1)), axis=1)
        buckets = ops.cast(buckets, "float32")
        sums, filled = buckets[..., :-1], buckets[..., -1:] > 0.5  # counts are whole numbers
        rows = self._normalised(ops.where(filled, sums, 0.0))  # (users, signatures, 2^bits, dim)
        users = ops.arange(ops.shape(rows)[0], dtype="int32")
        first = ops.reshape(users * self.signatures, (-1, 1, 1)) + ops.arange(self.signatures, dtype="int32")
        # first is (users, 1, signatures): the number of a signature's table, counted through all users
        flat = ops.reshape(rows, (-1, rows.shape[-1]))  # (users · signatures · 2^bits, dim)
        indices = first * self.buckets + self.hash_codes(target)  # (users, candidates, signatures)
        found = ops.take(flat, indices, axis=0)  # (users, candidates, signatures, dim)
        return ops.cast(ops.mean(found, axis=2), self.compute_dtype)

    def _normalised(self, sums: Tensor) -> Tensor:
        """Bring vectors to length 1; a vector of zeros stays one, and passes no gradient."""
        if not self.l2_norm:
            return sums
        squared = ops.sum(ops.square(sums), axis=-1, keepdims=True)
        filled = squared > _SMALLEST_SQUARE
        return ops.where(filled, sums * ops.rsqrt(ops.where(filled, squared, 1.0)), 0.0)

    def compute_output_spec(
        self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, times: Tensor | None = None
    ) -> keras.KerasTensor:
        return keras.KerasTensor((sequence.shape[0], sequence.shape[-1]), dtype=self.compute_dtype)


def _masked(sequence: Tensor, mask: Tensor | None) -> Tensor:
    """The events in float32, zeros where they are padding."""
    events = ops.cast(sequence, "float32")
    return events if mask is None else ops.where(ops.expand_dims(mask, -1), events, 0.0)
