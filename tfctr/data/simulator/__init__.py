"""A simulator of ad logs whose true click probability is known.

- `config`: what is simulated. `_world`: the hidden truth about users, items and domains.
- `log`: rows, labels and the spec that reads them. `oracle`: the best figures any model can reach.
"""

from tfctr.data.simulator.config import SimulatorConfig
from tfctr.data.simulator.log import SimulatedLog, simulate
from tfctr.data.simulator.oracle import auc, expected_auc, expected_logloss, logloss

__all__ = ["SimulatedLog", "SimulatorConfig", "auc", "expected_auc", "expected_logloss", "logloss", "simulate"]
