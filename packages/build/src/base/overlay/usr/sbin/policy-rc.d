#!/bin/sh
# Packages are only ever installed while an image is built: nothing to start (invoke-rc.d(8): 101 = not allowed).
exit 101
