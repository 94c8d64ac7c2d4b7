#!/bin/sh
# Gathers in a folder what an image holds: the agent, the command, the libraries that they load, certificates, a user. Nothing else, so
# there is no shell in it and nothing to update but these.
#   sh agent/pods/root.sh INSTALLED ROOT    INSTALLED: where `DESTDIR=… cmake --install build` put a build with the prefix /usr
set -eu
[ $# -eq 2 ] || { echo "usage: sh agent/pods/root.sh INSTALLED ROOT" >&2; exit 2; }
installed=$1
root=$2

mkdir -p "$root/usr/sbin" "$root/usr/bin" "$root/etc/assay" "$root/etc/ssl/certs" "$root/usr/lib/ssl" "$root/tmp"
cp "$installed/usr/sbin/assayd" "$root/usr/sbin/"
cp "$installed/usr/bin/assay" "$root/usr/bin/"

# Libraries, and theirs, and the loader, each at the place where the loader looks. glibc has the name services files and dns in itself.
libraries=$(ldd "$root/usr/sbin/assayd" "$root/usr/bin/assay")
case $libraries in *"not found"*) printf '%s\n' "$libraries" >&2 && exit 1 ;; esac
printf '%s\n' "$libraries" | sed -n 's|^[^/]*\(/[^ ]*\) (.*|\1|p' | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

# Authorities, where libcurl looks, and where OpenSSL does.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"

cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/:/nonexistent
assay:x:10001:10001:Assay token verification agent:/var/lib/assay:/nonexistent
nobody:x:65534:65534:nobody:/:/nonexistent
PASSWD
cat >"$root/etc/group" <<'GROUP'
root:x:0:
assay:x:10001:
nogroup:x:65534:
GROUP
echo "hosts: files dns" >"$root/etc/nsswitch.conf"

# What is left of the root may be mounted read-only.
mkdir -p "$root/run/assay" "$root/var/lib/assay"
chmod 1777 "$root/tmp"
chmod 755 "$root/run/assay"
chmod 700 "$root/var/lib/assay"
chown 10001:10001 "$root/run/assay" "$root/var/lib/assay"
