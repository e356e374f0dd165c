#!/bin/sh
# npm run test:kube: Varve on a real kube-apiserver with etcd, kube-controller-manager and simulated kubelets, which Go builds
# once. Arguments go to vitest.
set -eu
. "$(dirname "$0")/prepare.sh"
if ! command -v go >/dev/null; then
  printf 'skipped: Go is not installed, which builds kube-apiserver\n'
  exit 0
fi
need_modules
need_kubectl
exec vitest run --project kube "$@"
