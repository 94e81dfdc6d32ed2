"""ADS-16: who likes which ad, and how that goes with personality (Roffo and Vinciarelli, 2016).

- `reader`: the unpacked archive as a table and a matrix of ratings. `_layout`: its folders, both parts. `_user_files`:
  the files of a user. `_people`: what users told of themselves. `_vectors`: picture vectors from a file of one's own.
- `big_five`: traits from ten answers. `entry`: the data set in the registry.
- `generator`: an archive of the same layout with a planted effect, for tests and for trying things out.

Nobody can fetch the archive for others: it holds personal data. `ADS16` says where a user gets it. Names, zip codes
and home towns leave the reader only where that is asked for; pictures are never opened. Vectors of pictures are read
from an ``.npy`` array (rows in the order of ads or users) or a Parquet table with the columns `ad_id` or `user_id`, and
`vector`.
"""

from tfctr.data.datasets.ads16.big_five import BFI_10, TIPI, BigFiveKey, score_big_five
from tfctr.data.datasets.ads16.entry import ADS16
from tfctr.data.datasets.ads16.generator import Ads16Config, generate_ads16
from tfctr.data.datasets.ads16.reader import Ads16, Ads16Options, read_ads16

__all__ = [
    "ADS16",
    "BFI_10",
    "TIPI",
    "Ads16",
    "Ads16Config",
    "Ads16Options",
    "BigFiveKey",
    "generate_ads16",
    "read_ads16",
    "score_big_five",
]
