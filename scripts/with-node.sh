#!/bin/sh
# Runs a command with the project's own Node and tools: sh scripts/with-node.sh COMMAND [ARG...]
set -eu
. "$(dirname "$0")/prepare.sh"
need_modules >&2
exec "$@"
