#!/usr/bin/env bash
# Finds a Python 3.11 and hands over to tools/setup_environment.py.
# Usage: tools/setup.sh [--force]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Print the interpreter behind a name if it is Python 3.11. A version manager's shim may be on
# PATH and still not run, so it is asked; inside an activated environment the answer is the
# Python that the environment was made from, not its patched copy.
interpreter_behind() {
  command -v "$1" >/dev/null 2>&1 && "$1" -c '
import sys
print(sys._base_executable)
sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

# A distribution builds its Python with the help of a profile, version managers by default do not: 15 % in loops,
# 8 % of what traces a graph. So the one in /usr/bin comes first, if it can make environments.
optimized=/usr/bin/python3.11
"$optimized" -c 'import ensurepip, venv' 2>/dev/null || optimized=

for candidate in "${PYTHON311:-}" $optimized python3.11 python3 python /usr/bin/python3.11; do
  if [ -n "$candidate" ] && interpreter=$(interpreter_behind "$candidate"); then
    exec "$interpreter" tools/setup_environment.py "$@"
  fi
done

cat >&2 <<'MESSAGE'
setup: no Python 3.11 found. The package runs on 3.11 to 3.13, but the lock of this repository is for 3.11,
the newest on which TFX 1.21 has all its parts (Kubeflow's compiler, too).
Get one, then run `make setup` again:
  Debian 12:           sudo apt-get install python3.11 python3.11-venv python3.11-dev
  anywhere, by pyenv:  pyenv install 3.11 && pyenv shell 3.11
  anywhere, by uv:     uv python install 3.11
Or name it:            PYTHON311=/path/to/python3.11 make setup
MESSAGE
exit 1
