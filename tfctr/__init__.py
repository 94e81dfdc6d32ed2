"""tfctr: click-through-rate estimation in production, with TensorFlow and Keras."""
