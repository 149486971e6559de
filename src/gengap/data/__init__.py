"""Files, frames and arrays to one Dataset: the only place that touches raw input."""
