"""Run the test files named on the command line with pytest: the entry point of Bazel's test rules."""

from __future__ import annotations

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[1:]))
