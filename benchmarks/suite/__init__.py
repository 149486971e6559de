"""The parts of the engine's benchmark; `benchmarks/engine.py` is the command."""
