"""Models, one paper a file: which layers stand in which order, and nothing else.

- `ctr_model`: the base. `_histories`: which sequences are compared with which candidate features.
- `lr`, `fm`: linear and pairwise. `dnn`, `wide_deep`, `deepfm`: with an MLP.
- `dcn_v2`, `autoint`, `finalmlp`: crosses by multiplication, by attention, by two fused streams.
- `optinter_net`: pairs of features memorized, factorized or left out.
- `creative_survival`: how long an ad lasts.
- `two_tower`: users and items as vectors, so that items can be found.
- `multi_task_model`: the base of models with several tasks. `shared_bottom`, `esmm`, `mmoe`, `ple`: such models.
- `domain_model`: the base of models that know each row's domain. `star`: a tower a domain, bent from a shared one.
  `domain_shared_bottom`, `domain_mmoe`: a domain in place of a task. `ppnet`, `pepnet`: gates by user, item and domain.
- `adaptdhm`: a tower a group of rows, where nobody says what the groups are. `_domains`: which feature is the domain.
- `history_model`: the base of those with histories against a candidate. `din`: by a small MLP. `target_attention`: by
  softmax. For long histories `sim`: searched first, and `sdim`: by hash collision, the user's side apart.
- `extra_signature`: further ways to ask a served model. `_quantize`: tables of a trained one in 8 or 4 bits.
- `dhen`: different interaction modules side by side, for several tasks and several histories.
"""

# A line a model: its file registers it, and every list of models follows.
from tfctr.models._quantize import quantize_tables
from tfctr.models._registry import ENTRIES, MODELS, ModelEntry, register_model
from tfctr.models.adaptdhm import AdaptDHM as AdaptDHM
from tfctr.models.autoint import AutoInt as AutoInt
from tfctr.models.creative_survival import CreativeSurvival as CreativeSurvival
from tfctr.models.ctr_model import CTRModel
from tfctr.models.dcn_v2 import DCNv2 as DCNv2
from tfctr.models.deepfm import DeepFM as DeepFM
from tfctr.models.dhen import DHEN as DHEN
from tfctr.models.din import DIN as DIN
from tfctr.models.dnn import DNN as DNN
from tfctr.models.domain_mmoe import DomainMMoE as DomainMMoE
from tfctr.models.domain_model import DomainModel
from tfctr.models.domain_shared_bottom import DomainSharedBottom as DomainSharedBottom
from tfctr.models.esmm import ESMM as ESMM
from tfctr.models.extra_signature import ExtraSignature
from tfctr.models.finalmlp import FinalMLP as FinalMLP
from tfctr.models.fm import FM as FM
from tfctr.models.history_model import HistoryModel
from tfctr.models.lr import LR as LR
from tfctr.models.mmoe import MMoE as MMoE
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.models.optinter_net import OptInterNet as OptInterNet
from tfctr.models.pepnet import PEPNet as PEPNet
from tfctr.models.ple import PLE as PLE
from tfctr.models.ppnet import PPNet as PPNet
from tfctr.models.sdim import SDIM as SDIM
from tfctr.models.shared_bottom import SharedBottom as SharedBottom
from tfctr.models.sim import SIM as SIM
from tfctr.models.star import STAR as STAR
from tfctr.models.target_attention import TargetAttention as TargetAttention
from tfctr.models.two_tower import TwoTower as TwoTower
from tfctr.models.wide_deep import WideDeep as WideDeep

__all__ = [
    "ENTRIES",
    "MODELS",
    "CTRModel",
    "DomainModel",
    "ExtraSignature",
    "HistoryModel",
    "ModelEntry",
    "MultiTaskModel",
    "quantize_tables",
    "register_model",
    *MODELS,
]
