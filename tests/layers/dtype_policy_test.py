"""A network carries its precision to its parts, whatever Keras' default is where it is made or rebuilt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import keras
import pytest

from tests.conformance.network_table import NETWORKS
from tfctr.layers._base import dtype_policy
from tfctr.layers._walk import layers_of
from tfctr.testing._recipe import Recipe

POLICIES = ("mixed_bfloat16", "float32")
NESTED = [descriptor for descriptor in NETWORKS if descriptor.name in ("FinalMLP", "DHEN", "FeatureEmbedding")]


def policies_of(network: keras.layers.Layer) -> set[str]:
    return {part.dtype_policy.name for part in layers_of(network, keras.layers.Layer)}


@pytest.mark.parametrize("descriptor", NESTED, ids=lambda descriptor: descriptor.name)
def test_two_threads_rebuild_under_different_policies_at_once(descriptor: Recipe) -> None:
    configs = {}
    for policy in POLICIES:
        with dtype_policy(policy):
            network = descriptor.make()
        configs[policy] = (type(network), network.get_config())
    together = Barrier(len(POLICIES))

    def rebuild(saved: str, default: str) -> list[set[str]]:
        network_class, config = configs[saved]
        found = []
        with dtype_policy(default):
            for _ in range(5):
                together.wait(timeout=60)
                found.append(policies_of(network_class.from_config(config)))
                assert keras.config.dtype_policy().name == default
        return found

    with ThreadPoolExecutor(len(POLICIES)) as threads:
        results = list(threads.map(rebuild, POLICIES, reversed(POLICIES)))
    assert results == [[{policy}] * 5 for policy in POLICIES]
    assert keras.config.dtype_policy().name == "float32"


def test_rebuilding_asks_for_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy of a thread is not switched, not even for a moment."""
    descriptor = NESTED[0]
    with dtype_policy("mixed_bfloat16"):
        network = descriptor.make()

    def refuse(policy: object) -> None:
        raise AssertionError(f"the default was set to {policy}")

    monkeypatch.setattr(keras.config, "set_dtype_policy", refuse)
    assert policies_of(type(network).from_config(network.get_config())) == {"mixed_bfloat16"}
