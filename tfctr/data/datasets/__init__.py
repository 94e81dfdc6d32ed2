"""Public data sets: fetched on demand, checked by their SHA-256, kept in a cache, never part of this repository.

- `dataset`: what an entry is, `fetch` and `load`. `_download_sources`: how files come: a local mirror, a
  download, an archive, a Python package; `_by_hand`: files that only the user can have. `_download`: HTTP with
  resume. `_folders`: cache and mirror folders. `_tables`: helpers for readers.
- one file a data set, a folder for `ads16`. To add one: a file with its entry, and a line in `DATASETS`.

The terms of each set are its owner's; `Dataset.licence` says what they allow.
"""

from tfctr.data.datasets.ads16 import ADS16
from tfctr.data.datasets.amazon_beauty import AMAZON_BEAUTY
from tfctr.data.datasets.avazu import AVAZU
from tfctr.data.datasets.census_income import CENSUS_INCOME
from tfctr.data.datasets.criteo_kaggle import CRITEO_KAGGLE
from tfctr.data.datasets.dataset import Dataset
from tfctr.data.datasets.frappe import FRAPPE
from tfctr.data.datasets.hillstrom_email import HILLSTROM_EMAIL
from tfctr.data.datasets.movielens_1m import MOVIELENS_1M, MOVIELENS_1M_TIMED
from tfctr.data.datasets.movielens_100k import MOVIELENS_100K
from tfctr.data.datasets.movielens_tag import MOVIELENS_TAG
from tfctr.data.datasets.open_bandit import OPEN_BANDIT
from tfctr.data.datasets.support2 import SUPPORT2

DATASETS: dict[str, Dataset] = {
    "movielens-100k": MOVIELENS_100K,
    "movielens-1m": MOVIELENS_1M,
    "movielens-1m-timed": MOVIELENS_1M_TIMED,
    "movielens-tag": MOVIELENS_TAG,
    "amazon-beauty": AMAZON_BEAUTY,
    "frappe": FRAPPE,
    "criteo-kaggle": CRITEO_KAGGLE,
    "avazu": AVAZU,
    "census-income": CENSUS_INCOME,
    "hillstrom-email": HILLSTROM_EMAIL,
    "open-bandit": OPEN_BANDIT,
    "support2": SUPPORT2,
    "ads16": ADS16,
}

__all__ = [
    "ADS16",
    "AMAZON_BEAUTY",
    "AVAZU",
    "CENSUS_INCOME",
    "CRITEO_KAGGLE",
    "DATASETS",
    "FRAPPE",
    "HILLSTROM_EMAIL",
    "MOVIELENS_1M",
    "MOVIELENS_1M_TIMED",
    "MOVIELENS_100K",
    "MOVIELENS_TAG",
    "OPEN_BANDIT",
    "SUPPORT2",
    "Dataset",
]
