#!/bin/sh
# npm run conformance: the embedded API server and kube-apiserver side by side. With --if-built, which comes first, only where
# Go need not build anything. Other arguments go to conformance/main.ts.
set -eu
. "$(dirname "$0")/prepare.sh"
if_built=
if [ "${1-}" = --if-built ]; then
  if_built=yes
  shift
fi
if ! command -v go >/dev/null; then
  printf 'skipped: Go is not installed, which builds the kube-apiserver to compare with\n'
  exit 0
fi
need_modules
[ -z "$if_built" ] || skip_unless_built
need_kubectl
exec node --disable-warning=ExperimentalWarning conformance/main.ts "$@"
