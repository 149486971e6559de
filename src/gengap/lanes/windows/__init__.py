"""Convolutions and pooling that are fast inside a compiled loop on CPUs."""
