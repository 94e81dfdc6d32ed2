"""`tfctr spec`: write, check and look at feature specs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfctr.cli._error_messages import report_errors
from tfctr.cli._output import write_text
from tfctr.cli._table import print_table

if TYPE_CHECKING:
    from tfctr.spec import FeatureSpec, Problem

app = typer.Typer(no_args_is_help=True, help="Write, check and look at feature specs.")

SpecArgument = Annotated[str, typer.Argument(help="A spec file, or the name of a shipped spec.", show_default=False)]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; printed when left out.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


@app.command("check", epilog="Example: tfctr spec check ads.yaml --data clicks.csv --model DIN")
@report_errors
def check(
    spec: SpecArgument,
    data: Annotated[
        str | None, typer.Option(help="A log (file, folder, glob) or a public data set whose columns to compare.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model whose needs to check, such as DIN.")] = None,
) -> None:
    """Check a spec: with itself, with the columns and labels of a log, with what a model needs.

    Every problem is a line with file, line, key and remedy. Exit status 1 when there is one.
    """
    from tfctr.spec import find_spec, load_spec, locate_problems

    file = find_spec(spec)
    loaded = load_spec(file)
    problems: list[Problem] = []
    checked = ["the spec itself"]
    if data is not None:
        problems += _data_problems(loaded, data)
        checked.append(f"the columns of {data}")
    if model is not None:
        problems += _model_problems(loaded, model)
        checked.append(f"the needs of {model}")
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        print(
            "\n".join([f"{count}:", *(f"  {problem}" for problem in locate_problems(problems, file))]), file=sys.stderr
        )
        raise typer.Exit(1)
    parts = f"{len(loaded.features)} features, {len(loaded.tasks)} task{'s' * (len(loaded.tasks) > 1)}"
    print(f"{file}: {parts}; checked {', '.join(checked)}: no problem")


def _data_problems(spec: FeatureSpec, data: str) -> list[Problem]:
    from tfctr.analysis import columns_of, label_problems
    from tfctr.spec import check_columns

    return [*check_columns(spec, columns_of(data, spec)), *label_problems(data, spec)]


def _model_problems(spec: FeatureSpec, name: str) -> list[Problem]:
    from tfctr.models import MODELS
    from tfctr.spec import Problem, suggest

    if name not in MODELS:
        return [Problem(f"there is no model {name!r}{suggest(name, MODELS)}", "--model")]
    return [*MODELS[name].problems(spec), *MODELS[name].option_problems(spec, {})]


@app.command("infer", epilog="Example: tfctr spec infer clicks.csv.gz -o ads.yaml")
@report_errors
def infer(
    log: Annotated[Path, typer.Argument(help="csv, tsv, jsonl or parquet; a file or a folder.", show_default=False)],
    output: OutputOption = None,
    label: Annotated[str | None, typer.Option(help="The label column; looked for when left out.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows to look at, from the first on.")] = 200_000,
    header: Annotated[bool | None, typer.Option(help="Whether there is a header; looked for when left out.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Looked for when left out.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the text, such as gbk; UTF-8 when left out.")] = None,
    examples: Annotated[bool, typer.Option(help="Quote values of the log in remarks.")] = True,
    force: ForceOption = False,
) -> None:
    """Write a first spec from a raw log, for you to edit.

    Types, cardinalities, separators of lists, label, time and user are guessed; remarks say what was seen and
    what to look at.
    """
    from tfctr.analysis import infer_spec

    found = infer_spec(
        log,
        label=label,
        max_rows=rows,
        header=header,
        delimiter=_one(delimiter),
        encoding=encoding,
        examples=examples,
    )
    write_text(found.text, output, force=force)
    for doubt in found.doubts:
        print(f"look at this: {doubt}", file=sys.stderr)
    if output is not None:
        print(f"{output}: {len(found.spec.features)} features from {found.rows:,} rows; now edit it, then")
        print(f"  tfctr spec check {output} --data {log}")


@app.command("cross", epilog="Example: tfctr spec cross ads.yaml --of site,ad,hour --min-count 20 -o crossed.yaml")
@report_errors
def cross(
    spec: SpecArgument,
    of: Annotated[str | None, typer.Option(help="Features, comma between; all pairs of them are crossed.")] = None,
    pair: Annotated[list[str] | None, typer.Option(help="One pair, as in site,ad; may be given often.")] = None,
    min_count: Annotated[int, typer.Option(min=1, help="Rarer values of a cross share its unknown rows.")] = 1,
    max_size: Annotated[int | None, typer.Option(min=1, help="Most values of a cross that are kept.")] = None,
    oov_buckets: Annotated[int, typer.Option(min=1, help="Rows of a cross for unknown values.")] = 1,
    hash_buckets: Annotated[int | None, typer.Option(min=1, help="Rows of a cross, in place of a vocabulary.")] = None,
    output: OutputOption = None,
    force: ForceOption = False,
) -> None:
    """Write a spec with crosses of pairs of its features.

    With neither --of nor --pair, all pairs of categorical features and of numbers in quantile buckets. How many values
    a cross has is known when its training rows are counted.
    """
    from tfctr.spec import dump_spec, load_spec

    loaded = load_spec(spec)
    crossed = loaded.with_crosses(
        None if of is None else _names(of),
        pairs=None if not pair else [_pair(text) for text in pair],
        min_count=min_count,
        max_size=max_size,
        oov_buckets=oov_buckets,
        hash_buckets=hash_buckets,
    )
    write_text(dump_spec(crossed), output, force=force)
    count = len(crossed.features) - len(loaded.features)
    print(f"{count} cross{'es' * (count != 1)} added to {len(loaded.features)} features", file=sys.stderr)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pair(text: str) -> tuple[str, str]:
    names = _names(text)
    if len(names) != 2:
        raise typer.BadParameter(f"a pair is two features, comma between; received {text!r}", param_hint="--pair")
    return names[0], names[1]


def _one(delimiter: str | None) -> str | None:
    """A delimiter as typed in a shell, where a tab is hard to type."""
    if delimiter is None:
        return None
    characters = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    if not 1 <= len(characters) <= 8:
        raise typer.BadParameter(f"a delimiter has 1 to 8 characters, received {delimiter!r}", param_hint="--delimiter")
    return characters


@app.command("show", epilog="Example: tfctr spec show movielens_100k --tensors")
@report_errors
def show(
    spec: Annotated[str | None, typer.Argument(help="A spec file or a shipped spec; lists them when left out.")] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Every key, also those that hold their default.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Every key, as JSON.")] = False,
    tensors: Annotated[bool, typer.Option("--tensors", help="The tensors that a model gets.")] = False,
) -> None:
    """Show a spec, its defaults, or the tensors it stands for."""
    from tfctr.spec import dump_spec, find_spec, load_spec

    if spec is None:
        _print_shipped()
        return
    loaded = load_spec(spec)
    if as_json:
        print(json.dumps(loaded.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif tensors:
        _print_tensors(loaded)
    else:
        print(dump_spec(loaded, defaults=True) if defaults else find_spec(spec).read_text("utf-8-sig"), end="")


def _print_shipped() -> None:
    from tfctr.spec import load_spec, shipped_specs

    rows = [(name, load_spec(name).description) for name in shipped_specs()]
    print_table(("spec", "what"), rows)


def _print_tensors(spec: FeatureSpec) -> None:
    groups = (("input", spec.inputs()), ("label", spec.labels()), ("meta", spec.meta_tensors()))
    rows = [
        (info.name, group, info.dtype, f"({', '.join(map(str, ('batch', *info.shape)))}{',' * (not info.shape)})")
        for group, infos in groups
        for info in infos
    ]
    print_table(("tensor", "what", "type", "shape"), rows)


@app.command("schema", epilog="Example: tfctr spec schema -o spec.schema.json")
@report_errors
def schema(output: OutputOption = None, force: ForceOption = False) -> None:
    """Write the JSON Schema of a spec file, for editors.

    In VS Code with the YAML extension, put `# yaml-language-server: $schema=spec.schema.json` on top of a spec.
    """
    from tfctr.spec import json_schema

    write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", output, force=force)
