"""Self-contained HTML: text escaped, style and pictures inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; color: #1c1c1c }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } th, td { padding: .25rem .7rem; text-align: left;
border-bottom: 1px solid #ddd } td.number { text-align: right; font-variant-numeric: tabular-nums }
.pass { color: #18794e } .fail { color: #c62a2f; font-weight: 600 } .advice { color: #946800 }
code, pre { background: #f4f4f4; padding: .1rem .3rem } pre { padding: .6rem; overflow-x: auto } img { max-width: 100% }
"""


def page(title: str, body: Iterable[str]) -> str:
    """Return a whole HTML page."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{text(title)}</title>'
        f"<style>{_STYLE}</style><h1>{text(title)}</h1>\n" + "\n".join(body) + "</html>\n"
    )


def text(value: object) -> str:
    """Return `value` escaped."""
    return html.escape(str(value))


def heading(title: str) -> str:
    """Return a heading."""
    return f"<h2>{text(title)}</h2>"


def paragraph(value: object) -> str:
    """Return a paragraph."""
    return f"<p>{text(value)}</p>"


def command(value: str) -> str:
    """Return text as it is typed."""
    return f"<pre>{text(value)}</pre>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], classes: Iterable[str] = ()) -> str:
    """Return an HTML table; `classes` gives each row's style (pass, fail, advice)."""
    styles = list(classes)
    head = "".join(f"<th>{text(column)}</th>" for column in columns)
    lines = [
        f'<tr class="{text(styles[index]) if index < len(styles) else ""}">' + "".join(map(_cell, row)) + "</tr>"
        for index, row in enumerate(rows)
    ]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.5g}</td>'
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{text(value)}</td>"


def picture(png: bytes, alt: str) -> str:
    """Return an inline image."""
    return f'<img alt="{text(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
