"""``python -m tfctr.cli`` is the `tfctr` command."""

from tfctr.cli import main

if __name__ == "__main__":
    main()
