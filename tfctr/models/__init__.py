"""Models, one paper a file: which layers stand in which order, and nothing else.

- `ctr_model`: the base. `histories`: which sequences are compared with which candidate features.
- `lr`, `fm`: linear and pairwise. `dnn`, `wide_deep`, `deepfm`: with an MLP.
- `dcn_v2`, `autoint`, `finalmlp`: crosses by multiplication, by attention, by two fused streams.
- `din`: histories against a candidate.
"""

from tfctr.models.autoint import AutoInt
from tfctr.models.ctr_model import CTRModel
from tfctr.models.dcn_v2 import DCNv2
from tfctr.models.deepfm import DeepFM
from tfctr.models.din import DIN
from tfctr.models.dnn import DNN
from tfctr.models.finalmlp import FinalMLP
from tfctr.models.fm import FM
from tfctr.models.lr import LR
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
}
"""Every model by the name that commands and files use."""

__all__ = [
    "DIN",
    "DNN",
    "FM",
    "LR",
    "MODELS",
    "AutoInt",
    "CTRModel",
    "DCNv2",
    "DeepFM",
    "FinalMLP",
    "WideDeep",
]
