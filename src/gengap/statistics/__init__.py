"""Arrays in, records out: metrics, paired comparison, intervals, verdict, power.

Nothing in here knows Keras, JAX or a file format.
"""
