"""The serving room: export a model, serve it, ask it.

- `export`: SavedModel with the transform inside. `savedmodel`: its signatures called in this process.
- `server/`: an embedded server with TensorFlow Serving's API. `client`: asks it, or TensorFlow Serving itself.
"""
