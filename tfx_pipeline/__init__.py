"""The production path of tfctr: one TFX pipeline, from a raw log to a pushed model.

- `config`: what a run is made of. `pipeline`: the DAG, on one page.
- `components/`: the steps TFX does not have. `modules/`: what runs inside Transform and Trainer.
- `gates`: bounds as a TFMA config. `verdict`: what the evaluation said.
- `fingerprint`, `explain`: the cache knows code, and the run says why each step ran.
- `runner`: runs it here, readably. `compile`: the same DAG for Kubeflow Pipelines.
- `results`, `run_record`: what came of a run, read back. `report/`: the HTML pages, laid out in `templates/`.

TFX takes seconds to import, so this package imports nothing by itself.
"""
