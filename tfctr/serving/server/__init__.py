"""An embedded server that speaks TensorFlow Serving's API, for one machine, notebooks and tests.

- `_main`: the command. `_flags`: its flags. `_model_server`: all parts put together.
- `_config_files`, `_configuration`: which models are served. `_versions`, `_manager`: their folders and states.
- `_saved_model`, `_signatures`, `_servable`: a loaded version. `_routing`: from a request to it. `_warmup`: before it.
- `_tensors`, `_predict`, `_inference`, `_batching`: how a call is answered. `_core`: every call, whatever it came by.
- `_services`: gRPC. `_rest`, `_rest_json`: REST. `_monitoring`: metrics. `_errors`: codes and messages.
"""
