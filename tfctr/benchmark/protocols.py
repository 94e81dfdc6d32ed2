"""How published results were trained, by name: what surrounds a model, not the model's own hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfctr.benchmark.trial import with_objects
from tfctr.spec import suggest
from tfctr.spec._base import Frozen
from tfctr.training import FitConfig


class Protocol(Frozen):
    """Batch, initial spread of embeddings, and training of published results.

    Args:
        batch_size: Rows of a batch.
        initial_stddev: Standard deviation of embedding rows before training, drawn from a normal distribution.
        fit: Optimizer, rate and stopping.

    Example:
        >>> protocol = PROTOCOLS["fuxictr"]
        >>> protocol.fit.optimizer, protocol.fit.clip_norm, protocol.batch_size
        ('adam', 10.0, 4096)
        >>> sorted(protocol.model_options(table_l2=0.05))  # DNN(spec, hidden_units=…, **these)
        ['embedding_l2', 'table']
    """

    batch_size: int
    initial_stddev: float
    fit: FitConfig

    def model_options(self, table_l2: float = 0.0) -> dict[str, Any]:
        """Return the arguments of `CTRModel` that the protocol decides.

        Args:
            table_l2: Strength λ of ``λ/2 Σ‖row‖²`` over whole tables, which is tuned for each data set; 0 for none.
        """
        return with_objects({"initial_stddev": self.initial_stddev, "table_l2": table_l2})

    def settings(self) -> dict[str, Any]:
        """Return the protocol as a file of benchmark settings has it."""
        fit = self.fit.model_dump(exclude_unset=True)
        return {"batch_size": self.batch_size, "initial_stddev": self.initial_stddev, "fit": fit}


PROTOCOLS: dict[str, Protocol] = {
    "fuxictr": Protocol(
        batch_size=4096,
        initial_stddev=1e-4,
        fit=FitConfig(epochs=100, learning_rate=1e-3, patience=2, optimizer="adam", clip_norm=10.0),
    ),
}
"""Protocols by name.

- `fuxictr`: the open benchmark of CTR prediction (Zhu et al., CIKM 2021, arXiv 2009.05794) with FuxiCTR: Adam on whole
  tables, the rate times 0.1 after an epoch that was not better, stopped by validation AUC. Gradients are clipped at a
  norm of 10: the published settings do not say so, the library does it unless told otherwise, and without it the AUC
  is lower.
"""


def settings_of(chosen: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the settings of one model in a file: the part for `all`, then its own, upon those of its protocol.

    Args:
        chosen: The file: name -> settings. ``protocol: NAME`` among them stands for those of `PROTOCOLS`; ``fit`` is
            laid upon the protocol's setting by setting.
        name: The model's, or of settings.

    Raises:
        ValueError: When there is no such protocol.

    Example:
        >>> settings_of({"all": {"protocol": "fuxictr"}, "DNN": {"fit": {"epochs": 5}}}, "DNN")["fit"]
        {'epochs': 5, 'optimizer': 'adam', 'learning_rate': 0.001, 'patience': 2, 'clip_norm': 10.0}
    """
    own = {**chosen.get("all", {}), **chosen.get(name, {})}
    protocol = own.pop("protocol", None)
    if protocol is None:
        return own
    if protocol not in PROTOCOLS:
        raise ValueError(f"no protocol {protocol!r}{suggest(protocol, PROTOCOLS)}. There are: {', '.join(PROTOCOLS)}")
    base = PROTOCOLS[protocol].settings()
    return {**base, **own, "fit": {**base["fit"], **own.get("fit", {})}}
