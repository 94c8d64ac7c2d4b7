#!/bin/sh
# The units, in a real systemd that boots in a container (systemd-nspawn): readiness, the agent's own user, reload, restart after kill -9
# without losing a revocation, and socket activation. $ASSAY_BUILD: the build folder. Skipped where no container can be booted.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] && command -v systemd-nspawn >/dev/null || { echo "systemd: skipped, it needs root and systemd-nspawn"; exit 0; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR="$work/root" cmake --install "$ASSAY_BUILD" >/dev/null
mkdir -p "$work/units" "$work/t/bin" "$work/t/etc"
units=$(dirname "$(find "$work/root" -name assayd.service)")
sed "s|^ExecStart=[^ ]*|ExecStart=/t/bin/assayd|" "$units/assayd.service" >"$work/units/assayd.service"
cp "$units/assayd.socket" "$work/units/"
cp "$(find "$work/root" -name assay.conf)" "$(find "$work/root" -name assayd -type f)" "$(find "$work/root" -path '*/bin/assay')" "$work/t/bin/"
(
    cd "$work/t"
    bin/assay keygen --alg ES256 --kid k1 --out k1.pem >/dev/null
    bin/assay mint --key k1.pem --alg ES256 --kid k1 --issuer https://auth.example.com --audience orders --subject alice --ttl 1h >token
    cp k1.pem.jwks.json etc/keys.json
)
cat >"$work/t/etc/assayd.yaml" <<CONFIG
issuers:
  - issuer: https://auth.example.com
    keys: {file: /etc/assay/keys.json}
    audiences: [orders]
CONFIG
cat >"$work/t/inside.sh" <<'INSIDE'
exec >/t/out 2>&1
set -x
fail() { echo "FAILED: $1"; journalctl -u assayd.service --no-pager; exit 1; }
mkdir -p /etc/assay && cp /t/etc/* /etc/assay/ && chmod 755 /etc/assay
systemd-sysusers /t/bin/assay.conf
PATH=/t/bin:$PATH
systemctl start assayd.service || fail "does not get ready"
[ "$(stat -c %U:%G:%a /run/assay/assayd.sock)" = assay:assay:660 ] || fail "the socket's owner and mode"
[ "$(stat -c %U:%a /var/lib/assay)" = assay:700 ] || fail "the state's owner and mode"
assay verify --token-file /t/token || fail "a good token"
assay revoke --token-file /t/token || fail "revoke"
systemctl reload assayd.service || fail "reload"
old=$(systemctl show -P MainPID assayd.service)
systemctl kill -s KILL assayd.service
for i in $(seq 100); do
    new=$(systemctl show -P MainPID assayd.service)
    [ "$new" != 0 ] && [ "$new" != "$old" ] && systemctl is-active assayd.service && break
    sleep 0.1
done
assay verify --token-file /t/token && fail "the revoked token was accepted after kill -9"
[ $? -eq 1 ] || fail "no restart after kill -9"
systemctl stop assayd.service
assay health && fail "still there after stop"
systemctl start assayd.socket || fail "the socket unit"
systemctl is-active assayd.service && fail "started before anybody asked"
assay health || fail "socket activation"
systemctl is-active assayd.service || fail "not started by the socket"
systemctl stop assayd.service
assay health || fail "socket activation a second time"
echo "ALL GOOD"
INSIDE
cat >"$work/units/t.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh /t/inside.sh
ExecStopPost=/bin/systemctl --no-block exit 0
UNIT
timeout 90 systemd-nspawn -q -D / --volatile=yes --register=no --keep-unit --private-network --console=pipe \
    --bind-ro="$work/units:/run/systemd/system" --bind="$work/t:/t" -b -- --unit=t.service >"$work/console" 2>&1 </dev/null || true
if [ ! -s "$work/t/out" ]; then
    echo "systemd: skipped, no container boots here:"
    tail -n 3 "$work/console"
    exit 0
fi
grep -q '^ALL GOOD' "$work/t/out" || { cat "$work/t/out"; exit 1; }
echo "systemd: readiness, user, reload, restart, socket activation work"
