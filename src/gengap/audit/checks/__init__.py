"""The checks, one a file, each a module-level ``CHECK``; found by discovery."""
