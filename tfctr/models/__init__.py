"""Models, one paper a file: which layers stand in which order, and nothing else.

- `ctr_model`: the base. `_histories`: which sequences are compared with which candidate features.
- `lr`, `fm`: linear and pairwise. `dnn`, `wide_deep`, `deepfm`: with an MLP.
- `dcn_v2`, `autoint`, `finalmlp`: crosses by multiplication, by attention, by two fused streams.
- `creative_survival`: how long an ad lasts.
- `two_tower`: users and items as vectors, so that items can be found.
- `multi_task_model`: the base of models with several tasks. `shared_bottom`, `esmm`, `mmoe`, `ple`: such models.
- `history_model`: the base of those with histories against a candidate. `din`: by a small MLP. `target_attention`: by
  softmax. For long histories `sim`: searched first, and `sdim`: by hash collision, the user's side apart.
- `extra_signature`: further ways to ask a served model.
- `dhen`: different interaction modules side by side, for several tasks and several histories.
"""

from tfctr.models.autoint import AutoInt
from tfctr.models.creative_survival import CreativeSurvival
from tfctr.models.ctr_model import CTRModel
from tfctr.models.dcn_v2 import DCNv2
from tfctr.models.deepfm import DeepFM
from tfctr.models.dhen import DHEN
from tfctr.models.din import DIN
from tfctr.models.dnn import DNN
from tfctr.models.esmm import ESMM
from tfctr.models.extra_signature import ExtraSignature
from tfctr.models.finalmlp import FinalMLP
from tfctr.models.fm import FM
from tfctr.models.history_model import HistoryModel
from tfctr.models.lr import LR
from tfctr.models.mmoe import MMoE
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.models.ple import PLE
from tfctr.models.sdim import SDIM
from tfctr.models.shared_bottom import SharedBottom
from tfctr.models.sim import SIM
from tfctr.models.target_attention import TargetAttention
from tfctr.models.two_tower import TwoTower
from tfctr.models.wide_deep import WideDeep

MODELS: dict[str, type[CTRModel]] = {
    "LR": LR,
    "FM": FM,
    "DNN": DNN,
    "WideDeep": WideDeep,
    "DeepFM": DeepFM,
    "DCNv2": DCNv2,
    "AutoInt": AutoInt,
    "FinalMLP": FinalMLP,
    "DIN": DIN,
    "TwoTower": TwoTower,
    "SharedBottom": SharedBottom,
    "ESMM": ESMM,
    "MMoE": MMoE,
    "PLE": PLE,
    "DHEN": DHEN,
    "CreativeSurvival": CreativeSurvival,
    "TargetAttention": TargetAttention,
    "SIM": SIM,
    "SDIM": SDIM,
}
"""Every model by the name that commands and files use."""

__all__ = [
    "DHEN",
    "DIN",
    "DNN",
    "ESMM",
    "FM",
    "LR",
    "MODELS",
    "PLE",
    "SDIM",
    "SIM",
    "AutoInt",
    "CTRModel",
    "CreativeSurvival",
    "DCNv2",
    "DeepFM",
    "ExtraSignature",
    "FinalMLP",
    "HistoryModel",
    "MMoE",
    "MultiTaskModel",
    "SharedBottom",
    "TargetAttention",
    "TwoTower",
    "WideDeep",
]
