"""The cache knows code: what a step reaches, and what changes its fingerprint."""

from pathlib import Path

import pytest

from tfx_pipeline.fingerprint import code_of

MODELS = "tfctr.models"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package with two models, of which one has a layer of its own."""
    files = {
        "tfctr/__init__.py": "",
        "tfctr/models/__init__.py": "from tfctr.models.a import A\nfrom tfctr.models.b import B\nM = {'A': A}\n",
        "tfctr/models/a.py": '"""A."""\nfrom tfctr.layers import Cross\n\nclass A:\n    """Doc."""\n    x = Cross\n',
        "tfctr/models/b.py": "class B: pass\n",
        "tfctr/layers/__init__.py": "from tfctr.layers.cross import Cross\nfrom tfctr.layers.fm import FM\n",
        "tfctr/layers/cross.py": "import keras\nfrom . import helpers\n\nclass Cross: pass\n",
        "tfctr/layers/helpers.py": "def f():\n    import tfctr.late\n",
        "tfctr/layers/fm.py": "class FM: pass\n",
        "tfctr/late.py": "x = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_step_reaches_what_it_uses_and_nothing_else(tree: Path) -> None:
    assert sorted(code_of(f"{MODELS}:A", root=tree)) == [
        "tfctr/late.py",  # imported inside a function of a module that is imported relatively
        "tfctr/layers/cross.py",
        "tfctr/layers/helpers.py",
        "tfctr/models/a.py",
    ]
    assert list(code_of(f"{MODELS}:B", root=tree)) == ["tfctr/models/b.py"]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("x = Cross", "x = Cross  # a comment", False),
        ('"""Doc."""', '"""Other words."""', False),
        ("class A:", "\n\n\nclass A:", False),
        ("x = Cross", "y = Cross", True),
    ],
)
def test_only_code_counts(tree: Path, old: str, new: str, changes: bool) -> None:
    before = code_of(f"{MODELS}:A", root=tree)
    path = tree / "tfctr/models/a.py"
    path.write_text(path.read_text().replace(old, new))
    assert (code_of(f"{MODELS}:A", root=tree) != before) is changes


def test_a_function_of_docstring_alone_can_be_hashed(tree: Path) -> None:
    (tree / "tfctr/models/b.py").write_text('def f():\n    """Only words."""\n')
    assert code_of(f"{MODELS}:B", root=tree)


def test_unknown_entry(tree: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"no module 'tfctr\.nowhere'"):
        code_of("tfctr.nowhere", root=tree)


def test_another_models_file_does_not_retrain_this_one() -> None:
    files = code_of("tfx_pipeline.modules.trainer_module", "tfctr.models:DCNv2")
    assert "tfctr/models/dcn_v2.py" in files
    assert "tfctr/training/_fit.py" in files
    assert "tfctr/models/autoint.py" not in files


def test_transform_does_not_depend_on_models() -> None:
    files = code_of("tfx_pipeline.modules.transform_module")
    assert "tfctr/transform/preprocessing.py" in files
    assert not [name for name in files if name.startswith(("tfctr/models", "tfctr/layers", "tfctr/training"))]
