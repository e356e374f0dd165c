#!/bin/sh
# npm run quickstart: from a fresh clone to a fleet of three hosts on an OS image of your own.
set -eu
. "$(dirname "$0")/prepare.sh"
for argument in "$@"; do
  case "$argument" in --help | -h) exec cat scripts/quickstart/usage.txt ;; esac
done
is_debian || fail "quickstart needs Debian or Ubuntu: it makes its OS image from Debian packages with this machine's apt. Elsewhere install ostree, buildah and skopeo by hand and use the varve command (docs/quickstart.md)."
[ "$(id -u)" = 0 ] || fail "quickstart makes OS images and OSTree sysroots, whose files belong to root: run it as root (sudo npm run quickstart)"
need_packages
need_modules
exec node --disable-warning=ExperimentalWarning scripts/quickstart/main.ts "$@"
