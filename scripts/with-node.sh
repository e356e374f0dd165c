#!/bin/sh
# Runs a TypeScript file of the project with the project's own Node: sh scripts/with-node.sh FILE [ARG...]
set -eu
. "$(dirname "$0")/prepare.sh"
need_modules >&2
exec node --disable-warning=ExperimentalWarning "$@"
