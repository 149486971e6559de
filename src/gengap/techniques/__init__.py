"""The techniques, one file each; found by discovery, never by a list."""
