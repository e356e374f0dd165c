#!/bin/sh
# npm run test:kube: Varve on a real kube-apiserver with etcd, kube-controller-manager and simulated kubelets, which Go builds
# once. With --if-built, which comes first, only where Go need not build anything. Other arguments go to vitest.
set -eu
. "$(dirname "$0")/prepare.sh"
if_built=
if [ "${1-}" = --if-built ]; then
  if_built=yes
  shift
fi
if ! command -v go >/dev/null; then
  printf 'skipped: Go is not installed, which builds kube-apiserver\n'
  exit 0
fi
need_modules
[ -z "$if_built" ] || skip_unless_built
need_kubectl
exec vitest run --project kube "$@"
