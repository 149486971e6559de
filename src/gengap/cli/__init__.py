"""The command line: arguments, one call, and one mapper from errors to exit codes."""

from gengap.cli.edge import main

__all__ = ["main"]
