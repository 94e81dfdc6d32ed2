"""The HTML report of a run: what a person reads who has to decide, and what one needs who has to mend.

- `_write`: the files; `_view`: the sections of the page, in order; `_table`: what a table is made of.
- `_headline`, `_bounds`, `_tasks`, `_domains`, `_slices`, `_run`: one part of the page each. `_commands`: what to type.
- `_scores`: the test rows scored by the exported model; `_baselines`: what needs no model; `_charts`: pictures of both.

The pages themselves are templates in ``tfx_pipeline/templates``; whatever they are given is escaped.
"""

from tfx_pipeline.report._commands import reproduce
from tfx_pipeline.report._write import domains_of_run, write_not_blessed, write_report

__all__ = ["domains_of_run", "reproduce", "write_not_blessed", "write_report"]
