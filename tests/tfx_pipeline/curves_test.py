"""What training leaves for people outlives the folder it resumes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.planted import bound, train_plan, valid_data
from tfctr.models import LR
from tfctr.training import FitConfig, fit
from tfx_pipeline.modules.trainer_module import keep_curves


@pytest.mark.parametrize("tensorboard", [False, True])
def test_curves_and_tensorboards_files_are_moved_and_checkpoints_stay(tmp_path: Path, tensorboard: bool) -> None:
    resume, run = tmp_path / "resume", tmp_path / "run"
    run.mkdir()
    fit(LR(bound()), train_plan(), valid_data(), FitConfig(epochs=2, tensorboard=tensorboard), workdir=resume)
    history = (resume / "history.jsonl").read_text()
    keep_curves(resume, run)
    assert (run / "history.jsonl").read_text() == history
    assert (run / "curves.png").stat().st_size > 1000
    assert bool(list(run.glob("tensorboard/*/events.out.tfevents.*"))) == tensorboard
    assert not list(run.glob("*.npz"))
    assert list(resume.glob("*.npz"))
