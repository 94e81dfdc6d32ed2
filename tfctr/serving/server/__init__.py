"""An embedded server that speaks TensorFlow Serving's API, for one machine, notebooks and tests.

- `main`: the command. `flags`: its flags. `model_server`: all parts put together.
- `config_files`, `configuration`: which models are served. `versions`, `manager`: their folders and states.
- `saved_model`, `signatures`, `servable`: a loaded version. `routing`: from a request to it. `warmup`: before it.
- `tensors`, `predict`, `inference`, `batching`: how a call is answered. `core`: every call, whatever it came by.
- `services`: gRPC. `rest`, `rest_json`: REST. `monitoring`: metrics. `errors`: codes and messages.
"""
