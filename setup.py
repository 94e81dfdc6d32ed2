"""Packaging of tfctr: what it needs, by extra, in ranges. The tested pins are in requirements.txt.

Both ends of the ranges are tested, TFX aside: `make test-lowest`, `make test-newest`.

The core trains and exports models and installs without TFX; each extra adds one side of the house.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent


def version() -> str:
    """Read the version without importing the package, which needs TensorFlow."""
    text = (HERE / "tfctr" / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise RuntimeError('tfctr/_version.py must hold a line: __version__ = "1.2.3"')
    return found.group(1)


def long_description() -> str:
    """The README is the page on the package index."""
    readme = HERE / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


CORE = [
    "tensorflow>=2.19,<2.22",
    "keras>=3.14,<4",  # older ones have holes in load_model: a file could run code or read other files
    "numpy>=2,<3",  # 1 casts by value: a float32 becomes a float64 beside a large number
    "pydantic>=2.9,<3",  # its validators say what they take in a JSON schema
    "PyYAML>=6,<7",
    "pyarrow>=17",
    "typer>=0.12,<1",
    "rich>=13",
    "matplotlib>=3.9,<4",  # older ones want NumPy 1
    "scikit-learn>=1.5,<2",
]

TRANSFORM = [
    "tensorflow-transform==1.21.*",
    "tfx-bsl==1.21.*",
    "tensorflow-metadata==1.21.*",
    "apache-beam>=2.77,<3",
    "tf-keras>=2.21,<2.22",  # for these libraries tf.keras has to be Keras 2
]

TFX = [
    *TRANSFORM,
    "tfx==1.21.*",
    "tensorflow-data-validation==1.21.*",
    "tensorflow-model-analysis==0.52.*",
    "jinja2>=3.1,<4",  # the report's templates
    # TFX packages a user's module with these at run time, and wants pkg_resources, which 81 dropped.
    "setuptools<81",
    "wheel",
]

EXTRAS = {
    "transform": TRANSFORM,
    "tfx": TFX,
    # TFX itself runs on Python 3.11 to 3.13, but asks for Kubeflow's compiler (kfp) below 3.12 only: on a newer Python
    # this extra brings nothing that `tfx` does not, and `tfctr doctor` says so.
    "kubeflow": [*TFX, 'tfx[kfp]==1.21.*; python_version < "3.12"'],
    "serving": [
        "grpcio>=1.71,<2",
        # Newer ones want protobuf 7, and TFX wants less than 7.
        "grpcio-health-checking>=1.71,<1.82",
        "grpcio-reflection>=1.71,<1.82",
        "tensorflow-serving-api>=2.19,<2.22",
        "prometheus-client>=0.20,<1",
    ],
    "benchmark": ["optuna>=4", "polars>=1"],
    "graph": ["scikit-network>=0.33.2"],  # the wheels of older ones are built for NumPy 1
    "retrieval": [
        "tensorflow-recommenders>=0.7.7",
        "tf-keras>=2.21,<2.22",  # for this library, too, tf.keras has to be Keras 2
    ],
    "jax": ["jax>=0.5"],
    # What a model leaves Keras in: the first writes and reads, TensorFlow writes what the second reads.
    "onnx": ["onnx>=1.17,<2", "onnxruntime>=1.20,<2", "tf2onnx>=1.16,<2"],
    "litert": ["ai-edge-litert>=2,<3"],
    "openvino": ["openvino>=2025.0"],
    "accelerators": ["keras-rs>=0.4,<0.5"],  # DistributedTable
    "docs": ["mkdocs-material>=9.5,<10", "mkdocstrings[python]>=1,<2"],
    "notebook": ["ipykernel>=6.29", "nbclient>=0.10", "nbformat>=5.10"],
    "dev": [
        "hypothesis>=6.112",
        "import-linter>=2.3",
        "jsonschema>=4.18",
        "keras-rs>=0.4,<0.5",  # an oracle in tests, as is the next one
        "lifelines>=0.29",
        "mypy>=1.15",
        "pip>=24",  # data sets on the package index are fetched with it
        "pytest>=8.3",
        "pytest-timeout>=2.3",
        "pytest-xdist>=3.6",
        "ruff>=0.11",
        "starlark-pyo3>=2025.1",
        "types-PyYAML>=6",
    ],
}

setup(
    name="tfctr",
    version=version(),
    description="Click-through-rate estimation in production, with TensorFlow, Keras and TFX",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",  # the newest that TFX 1.21 runs on is 3.13; Kubeflow's extra wants 3.11, see there
    # feature_specs is data: a folder of the project, a package inside tfctr when installed.
    packages=[*find_packages(include=["tfctr*", "tfx_pipeline*"]), "tfctr.feature_specs"],
    package_dir={"tfctr.feature_specs": "feature_specs"},
    package_data={
        "tfctr": ["py.typed"],
        "tfctr.feature_specs": ["*.yaml"],
        "tfx_pipeline": ["deploy/**/*", "templates/*"],
    },
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["tfctr = tfctr.cli:main"]},
    zip_safe=False,  # the specs are read as files
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
