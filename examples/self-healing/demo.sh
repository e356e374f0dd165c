#!/bin/sh
# Four things that hosts do by themselves, shown on the fleet that `npm run quickstart` keeps up in another terminal:
#   KUBECONFIG=…/server/kubeconfig sh examples/self-healing/demo.sh
set -eu

here=$(dirname "$0")
: "${KUBECONFIG:?set it to the kubeconfig that the quickstart printed}"
: "${VARVE:=npm run --silent varve --}"
server=$(dirname "$KUBECONFIG")
hosts=$server/../hosts
authority=$(kubectl config view --minify --output 'jsonpath={.clusters[0].cluster.server}')
authority=${authority#https://}

say() { printf '\n== %s\n' "$*"; }
run() {
  printf '$ varve %s\n' "$*"
  $VARVE "$@"
}

# What `varve host status` says of a host that lies in a directory.
field() { $VARVE --output json host status --sysroot "$hosts/$1" | sed -n "s/^ *\"$2\": \"\(.*\)\",\{0,1\}$/\1/p" | head -n 1; }

build() {
  $VARVE --output json image build "$here" --build-arg "BASE=$authority/os/debian:base" --build-arg "VERSION=$1" \
    --push "$authority/os/app:$1" --authfile "$server/registry-auth.json" --cert-dir "$server/certs.d" \
    ${CACHE:+--cache-dir "$CACHE"} | sed -n 's/^ *"reference": "\(.*\)",\{0,1\}$/\1/p'
}

# target IMAGE GREETING
target() {
  sed -e "s|IMAGE|$1|" -e "s|GREETING|$2|" "$here/machine-config.yaml" | kubectl apply --filename -
}

# Waits for a command to succeed, at most for some minutes.
until_true() {
  for _ in $(seq 150); do
    if "$@"; then return 0; fi
    sleep 2
  done
  echo "waited in vain for: $*" >&2
  return 1
}

say 'Rebase: the pool goes to another image, one host after the other'
kubectl apply --filename "$here/machine-configuration.yaml"
kubectl patch machineconfigpool worker --type merge \
  --patch '{"spec":{"driftPolicy":[{"path":"/etc/app","action":"Repair"}],"healthChecks":{"deadlineSeconds":20}}}'
good=$(build 1)
target "$good" hello
run rollout status worker --timeout 10m

say 'A file changes on every host, and none of them boots'
before=$(field host-1 path)
target "$good" welcome
run rollout status worker --timeout 10m
[ "$(cat "$before/etc/app/greeting")" = welcome ]
[ "$(field host-1 path)" = "$before" ]
echo "/etc/app/greeting of host-1 says: $(cat "$before/etc/app/greeting"), in the deployment that was booted before"

say 'Somebody changes the file by hand, and the host puts it back'
is_back() { [ "$(cat "$before/etc/app/greeting")" = welcome ]; }
echo changed > "$before/etc/app/greeting"
until_true is_back
echo "/etc/app/greeting of host-1 says: $(cat "$before/etc/app/greeting")"

say 'An image does not work: the first host that tries it goes back, and no other tries'
bad=$(build broken)
target "$bad" welcome
went_back() {
  for host in host-1 host-2 host-3; do
    if $VARVE why "$host" | grep 'cannot open its database'; then
      fallen=$host
      return 0
    fi
  done
  return 1
}
until_true went_back
run why "$fallen"
for host in host-1 host-2 host-3; do
  [ "$(cat "$(field $host path)/usr/lib/app/version")" = 1 ]
  echo "$host runs app 1"
done

say 'The target is taken back'
target "$good" welcome
run rollout status worker --timeout 10m
