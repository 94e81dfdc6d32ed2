"""Yesterday's model for today's vocabularies: what was learned is kept, what is new has a start.

- `vocabulary_change`: which ids stay, come and go. `new_rows`: what a new id starts from. `row_source`: rows of the
  fused tables. `_slots`: what an optimizer keeps for each weight. `_grow`: the model itself.
"""

from tfctr.training.growth._grow import grow
from tfctr.training.growth.new_rows import NewRows
from tfctr.training.growth.row_source import GrowthError
from tfctr.training.growth.vocabulary_change import VocabularyChange, VocabularyChanges, compare_vocabularies

__all__ = ["GrowthError", "NewRows", "VocabularyChange", "VocabularyChanges", "compare_vocabularies", "grow"]
