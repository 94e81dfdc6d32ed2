"""Where ratings go by openness times category, the questionnaire helps with people who were never seen.

Dealt out among the users by chance it does not: the gain is that of what somebody answered, not of more numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.benchmark.ads.planted import planted_table, quick
from tfctr.benchmark.ads._features import study_spec
from tfctr.benchmark.ads._fold import Fold
from tfctr.benchmark.ads._study_models import find_model
from tfctr.benchmark.ads._study_rows import StudyRows
from tfctr.benchmark.ads.config import Personality
from tfctr.training.metrics import gauc, rmse

pytestmark = pytest.mark.filterwarnings("ignore")  # of TensorFlow Transform and Beam


@pytest.fixture(scope="module", params=range(3), ids="seed {}".format)
def fold(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fold]:
    """A third of the users held out, of another archive for each seed."""
    rows = StudyRows(planted_table(seed=request.param))
    config = quick()
    holdout = rows.holdouts("users", config)[0]
    made = Fold(rows, study_spec(rows, "users"), holdout, config, tmp_path_factory.mktemp("fold"))
    yield made
    made.close()


def answers(fold: Fold, name: str, personality: Personality) -> np.ndarray:
    model = find_model(name, fold.spec)
    return model.predict(fold.splits(personality, model.predicts), fold.config, 0)


@pytest.mark.parametrize("name", ["logistic-crossed", "FM"])
def test_personality_helps_with_users_who_are_new_and_that_of_others_does_not(fold: Fold, name: str) -> None:
    rows, test = fold.rows, fold.holdout.test
    users = rows.codes("user_id")
    assert not set(users[test]) & set(users[np.r_[fold.holdout.train, fold.holdout.valid]])
    found = {
        personality: gauc(rows.click[test], answers(fold, name, personality), users[test]).value
        for personality in ("without", "with", "permuted")
    }
    assert found["with"] > 0.68, found
    assert found["without"] < 0.6, found
    assert found["permuted"] < 0.6, found


@pytest.mark.parametrize("fold", [0], indirect=True)
def test_stars_of_new_users_are_nearer_with_their_personality(fold: Fold) -> None:
    stars, test = fold.rows.rating, fold.holdout.test
    with_it, without = (rmse(stars[test], answers(fold, "FM-stars", which)) for which in ("with", "without"))
    assert with_it < without - 0.1
