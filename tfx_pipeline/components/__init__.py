"""Steps of the pipeline that TFX does not have.

- `parquet_example_gen`: prepared Parquet to tf.Examples, with 0/1 labels for the evaluator.
- `curated_schema`: the schema the spec implies. `anomaly_gate`: stops the run on anomalies.
- `last_blessed`: the model to compare with. `parity`: served predictions against training-time probabilities.
- `outcomes`: 0/1 label and weight columns for evaluation.
"""
