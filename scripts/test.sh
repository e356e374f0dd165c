#!/bin/sh
# npm test: static checks, then every suite that this machine can run. Arguments go to vitest.
set -eu
. "$(dirname "$0")/prepare.sh"
with_root=
if [ "$(id -u)" = 0 ] && is_debian; then
  with_root=yes
  case " $* " in *' vm '*) need_packages test vm ;; *) need_packages test ;; esac
else
  printf 'Not root on Debian or Ubuntu: integration and e2e suites are skipped; the unit suite runs.\n'
fi
need_modules
[ -z "$with_root" ] || need_kubectl
if [ $# -gt 0 ]; then
  exec vitest run "$@"
fi
run() {
  printf '\n== %s\n' "$*"
  "$@"
}
run tsc
run biome check --error-on-warnings .
run knip
run depcruise packages conformance e2e bench scripts --config .dependency-cruiser.cjs
run vitest run --project unit
if [ -n "$with_root" ]; then
  # Before the suites that use it side by side; made once, then cached.
  run node packages/cli/src/main.ts image base debian
  run vitest run --project integration --project e2e
fi
