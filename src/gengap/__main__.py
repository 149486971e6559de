"""``python -m gengap`` is the command line."""

from gengap.cli import main

if __name__ == "__main__":
    main()
