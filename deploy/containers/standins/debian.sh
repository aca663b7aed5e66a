#!/bin/sh
# Makes the image that the stand-ins begin with: debian.sh IMAGE. A minimal Debian 12 by debootstrap; no registry of
# images is asked. It trusts the certificates that this machine trusts, so that builds reach what the machine reaches.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=ca-certificates bookworm "$work" http://deb.debian.org/debian
rm -rf "$work"/var/cache/apt/archives/*.deb "$work"/var/lib/apt/lists/* "$work"/usr/share/doc "$work"/usr/share/man \
    "$work"/usr/share/locale
cp /etc/ssl/certs/ca-certificates.crt "$work/etc/ssl/certs/ca-certificates.crt"
tar -C "$work" -c . | docker import --change "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" - "$1"
