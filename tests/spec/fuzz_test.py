"""Whatever stands in a file, reading it ends in a spec or in a SpecError; nothing else, and not late."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tfctr.spec import Problem, SpecError, parse_spec, shipped_specs

TEMPLATE = shipped_specs()["template"].read_text("utf-8").splitlines()
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def read(text: str) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        parse_spec(text, "any.yaml")
    except SpecError as error:
        problems = error.problems
    assert problems is None or len(problems) > 0
    for problem in problems or ():
        assert problem.message
        assert "\n" not in problem.message
        assert 0 <= problem.line <= len(text.splitlines()) + 1


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    read(text)


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_the_template_with_lines_lost_swapped_and_mixed(rng: random.Random, changes: int) -> None:
    lines = list(TEMPLATE)
    for _ in range(changes):
        place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        change = rng.choice(["drop", "swap", "repeat", "cut", "shift"])
        if change == "drop":
            lines[place] = ""
        elif change == "swap":
            lines[place], lines[other] = lines[other], lines[place]
        elif change == "repeat":
            lines.insert(place, lines[other])
        elif change == "cut":
            lines[place] = lines[place][: rng.randrange(len(lines[place]) + 1)]
        else:
            lines[place] = " " * rng.randrange(4) + lines[place]
    read("\n".join(lines))


@given(st.randoms(use_true_random=False), values)
def test_the_template_with_any_value_anywhere(rng: random.Random, value: object) -> None:
    import yaml

    data = yaml.safe_load("\n".join(TEMPLATE))
    holder = data
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = rng.choice(keys)
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            holder[key] = value
            break
        holder = inner
    read(yaml.safe_dump(data, allow_unicode=True))
