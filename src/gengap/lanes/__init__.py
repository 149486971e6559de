"""Lanes: many runs of one network trained side by side in one compiled program."""
