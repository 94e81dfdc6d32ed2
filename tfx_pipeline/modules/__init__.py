"""What runs inside TFX's Transform and Trainer; importable, so that the DAG compiles offline."""
