"""Translate pip's settings into uv's, so that a machine set up for pip just works.

pip reads its index, certificates and proxies from `PIP_*` variables and from its
configuration files; uv reads neither. `pip config list` knows all of them.
"""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# pip's key -> uv's variable. A value of the user's own for uv always wins.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
COMMA_SEPARATED = {"UV_FIND_LINKS"}  # uv's other lists are separated by spaces, as pip's are


def uv_environment(python: Path, *, fallback_cache: Path) -> dict[str, str]:
    """Return the environment for uv: the present one and what pip is told.

    Args:
        python: an interpreter that has pip.
        fallback_cache: where uv may cache if the home folder cannot be written.
    """
    listing = subprocess.run(
        [str(python), "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    environment = {**translate(parse(listing)), **os.environ}
    environment["UV_NO_PROGRESS"] = "1"
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    environment.pop("VIRTUAL_ENV", None)
    if "UV_CACHE_DIR" not in environment and not os.access(Path.home(), os.W_OK):
        environment["UV_CACHE_DIR"] = str(fallback_cache)
    return environment


def parse(listing: str) -> dict[str, str]:
    r"""Read `pip config list`: later sections win, as in pip (files, install, variables).

    >>> parse("global.index-url='https://a.example.org'\n:env:.index-url='https://b.example.org'")
    {'index-url': 'https://b.example.org'}
    """
    ranks = {"global": 0, "install": 1, ":env:": 2}
    found: list[tuple[int, str, str]] = []
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in ranks and value:
            found.append((ranks[section], key, str(ast.literal_eval(value))))
    return {key: value for _, key, value in sorted(found, key=lambda item: item[0])}


def translate(settings: Mapping[str, str]) -> dict[str, str]:
    """Rename pip's settings to uv's variables.

    >>> translate({"find-links": "/a /b", "cert": "/c.pem"})
    {'UV_FIND_LINKS': '/a,/b', 'SSL_CERT_FILE': '/c.pem'}
    """
    translated: dict[str, str] = {}
    for key, value in settings.items():
        name = UV_NAMES.get(key)
        if name is None:
            continue
        separator = "," if name in COMMA_SEPARATED else " "
        translated[name] = separator.join(value.split())
    return translated
