"""Readers of raw logs, one format a file. Each yields batches as the file holds them, with the rows' numbers.

- `files`: which files, which format, how they are opened. `blocks`: text in blocks of whole lines.
- `raw`: what a reader yields. `delimited`: csv and tsv. `quoting`: rows whose quotes need care.
- `jsonl`, `parquet`, `tfrecord`, `libfm`: the other formats. `mixed_types`: values of mixed types, as text.
"""
