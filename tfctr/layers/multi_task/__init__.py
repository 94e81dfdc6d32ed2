"""Multi-task layers: from one shared vector to one logit a task.

- `experts`, `expert_gate`: MLPs side by side, and a task's mixture of them (MMoE). `_mixing`: the mixture itself.
- `customized_gate_control`: own and shared experts, one level of PLE.
- `task_towers`: a small tower a task. `_product_logit`: a probability that is a product of two.
"""

from tfctr.layers.multi_task._mixing import expert_weights, mix_experts
from tfctr.layers.multi_task._product_logit import product_logit
from tfctr.layers.multi_task.customized_gate_control import CustomizedGateControl
from tfctr.layers.multi_task.expert_gate import ExpertGate
from tfctr.layers.multi_task.experts import Experts
from tfctr.layers.multi_task.task_towers import TaskTowers

__all__ = [
    "CustomizedGateControl",
    "ExpertGate",
    "Experts",
    "TaskTowers",
    "expert_weights",
    "mix_experts",
    "product_logit",
]
