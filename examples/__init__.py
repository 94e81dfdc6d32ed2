"""Programs that show the way: `demo` (the whole production path), `quickstart.ipynb` (a model in a notebook)."""
