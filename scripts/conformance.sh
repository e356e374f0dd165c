#!/bin/sh
# npm run conformance: the embedded API server and kube-apiserver side by side. Arguments go to conformance/main.ts.
set -eu
. "$(dirname "$0")/prepare.sh"
if ! command -v go >/dev/null; then
  printf 'skipped: Go is not installed, which builds the kube-apiserver to compare with\n'
  exit 0
fi
need_modules
need_kubectl
exec node --disable-warning=ExperimentalWarning conformance/main.ts "$@"
