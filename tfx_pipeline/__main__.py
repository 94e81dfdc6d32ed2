"""``python -m tfx_pipeline``: the pipeline's verbs, as `tfctr` has them."""

from tfx_pipeline.commands import app

if __name__ == "__main__":
    app(prog_name="python -m tfx_pipeline")
