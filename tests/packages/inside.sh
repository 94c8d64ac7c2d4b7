# Runs in a Debian 12 that was booted for it (tests/packages.sh), as root, with /t from outside. Everything that an operator does with the
# packages, and what must come of it. Ends with ALL GOOD.
exec >/t/out 2>&1
cd /t
. /t/environment
export DEBIAN_FRONTEND=noninteractive
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/99test

fail() {
    echo "FAILED: $*"
    journalctl --no-pager -n 40
    exit 1
}
part() {
    printf '\n-- %s\n' "$*"
}
eventually() { # seconds, command
    tries=$(($1 * 20))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "not in time: $*"
        sleep 0.05
    done
}
is_new() {
    new=$(systemctl show -P MainPID assayd.service)
    [ "$new" != 0 ] && [ "$new" != "$1" ] && systemctl -q is-active assayd.service
}
refused() { # socket
    assay verify --socket "${1:-/run/assay/assayd.sock}" --token-file revoked >/dev/null 2>why
    [ $? -eq 1 ] && grep -q revoked why
}
accepted() {
    assay verify --socket "${1:-/run/assay/assayd.sock}" --token-file good >/dev/null
}
settings() { # unit, section, lines...: a drop-in, as systemctl edit makes it
    mkdir -p "/etc/systemd/system/$1.d"
    printf '%s\n' "$2" "$3" >"/etc/systemd/system/$1.d/override.conf"
    systemctl daemon-reload
}

part "the guide: apt install"
sed -n 1p commands | grep -q package.sh || fail "the guide's first command does not build the packages"
sed -n 2p commands >install.sh
sed 1,2d commands >look.sh
sh -e install.sh || fail "apt install"

part "not configured: enabled, harmless, and it says why"
for unit in assayd.service assayd.socket; do
    [ "$(systemctl is-enabled $unit)" = enabled ] || fail "$unit is not enabled"
    systemctl start $unit || fail "starting $unit without a configuration fails"
    [ "$(systemctl is-active $unit)" = inactive ] || fail "$unit runs without a configuration"
done
systemctl status assayd.service | grep -q 'ConditionPathExists=/etc/assay/assayd.yaml was not met' || fail "status does not say what is missing"
[ -z "$(systemctl --failed --plain --no-legend | grep assay)" ] || fail "a unit failed"

part "the guide: a first look"
sh -ex look.sh || fail "the guide's first look"
grep -q . token && cp token good
accepted || fail "a good token"
mint() {
    assay mint --key trial.pem --alg ES256 --kid k1 --issuer https://auth.example.com --audience orders --subject "$1" --ttl 1h --claim jti="\"$1\""
}
mint good >good
mint revoked >revoked
assay revoke --token-file revoked || fail "revoke"
refused || fail "a revoked token"
[ "$(stat -c %U:%G:%a /run/assay/assayd.sock)" = root:assay:660 ] || fail "the socket's owner and mode: $(stat -c %U:%G:%a /run/assay/assayd.sock)"
[ "$(stat -c %U:%a /run/assay)" = assay:755 ] || fail "the socket's folder"
[ "$(stat -c %U:%G:%a /var/lib/assay)" = assay:assay:700 ] || fail "the state's owner and mode"

part "the example, the policy and the pages of the packages"
sed 's/keys: .*/keys: {file: \/etc\/assay\/keys.json}/' /usr/share/doc/assayd/examples/assayd.yaml >example.yaml
assayd --config example.yaml --check || fail "the example"
assay policy test /etc/assay/policy.yaml || fail "the policy"
sed 's/^rules: \[\].*//; s/^# \(rules:\|tests:\|  -\)/\1/' /etc/assay/policy.yaml >policy.yaml
assay policy test policy.yaml | grep -q '2 passed' || fail "the policy's example"

part "hardening"
verified=$(systemd-analyze verify /usr/lib/systemd/system/assayd.service /usr/lib/systemd/system/assayd.socket \
    /usr/lib/systemd/system/assayd-http.socket assayd@x.service assayd@x.socket 2>&1 | grep -v "Command 'man")
[ -z "$verified" ] || fail "systemd-analyze verify: $verified"
for unit in assayd.service assayd@x.service; do
    systemd-analyze security --threshold=12 $unit >exposure || { cat exposure; fail "$unit is exposed"; }
    tail -n 1 exposure
done
pid=$(systemctl show -P MainPID assayd.service)
for task in /proc/"$pid"/task/*; do
    grep -q '^NoNewPrivs:.1' "$task/status" && grep -q '^Seccomp:.2' "$task/status" && grep -q '^CapEff:.0000000000000000' "$task/status" ||
        fail "a thread is not confined"
done
[ "$(stat -c %U "/proc/$pid/environ")" = root ] || fail "the process can be looked into"

journalctl -u assayd.service --no-pager | grep "could not confine" && fail "it could not confine itself"

part "a service of the socket's group, and one of none"
useradd --system orders && useradd --system stranger && usermod -aG assay orders
chmod 644 good revoked
runuser -u orders -- assay verify --token-file good >/dev/null || fail "a service of the group"
runuser -u stranger -- assay verify --token-file good >/dev/null 2>why && fail "a stranger got in"
grep -q "may not use" why || fail "a stranger is not told: $(cat why)"

part "reload"
systemctl reload assayd.service || fail "reload"
cp /etc/assay/assayd.yaml right.yaml
echo "isuers: []" >>/etc/assay/assayd.yaml
systemctl reload assayd.service && fail "a faulty configuration was reloaded"
journalctl -u assayd.service --no-pager | grep -q "isuers" || fail "the journal does not say what is faulty"
systemctl -q is-active assayd.service && accepted && refused || fail "the old configuration does not go on"
cp right.yaml /etc/assay/assayd.yaml
systemctl reload assayd.service || fail "reload after the mistake"
eventually 5 sh -c 'systemctl status assayd.service | grep -q "Status: .ready, 1 issuer"'

part "fields in the journal"
journalctl -u assayd.service ASSAY_REASON=revoked -o json --no-pager | tail -n 1 >entry
for field in '"ASSAY_EVENT":"refused"' '"ASSAY_ISSUER":"https://auth.example.com"' '"PRIORITY":"6"' '"SYSLOG_IDENTIFIER":"assayd"' '"ASSAY_JTI":"revoked"'; do
    tr -d ' ' <entry | grep -qF "$field" || fail "$field is not in $(cat entry)"
done

part "killed, and a loop that is stuck"
pid=$(systemctl show -P MainPID assayd.service)
systemctl kill -s KILL assayd.service
eventually 10 is_new "$pid"
refused && accepted || fail "after kill -9"
settings assayd.service '[Service]' WatchdogSec=1s
systemctl restart assayd.service
pid=$(systemctl show -P MainPID assayd.service)
kill -STOP "$pid"
eventually 20 is_new "$pid"
journalctl -u assayd.service --no-pager | grep -qi watchdog || fail "it was not the watchdog"
refused && accepted || fail "after the watchdog"
pid=$(systemctl show -P MainPID assayd.service)
sleep 2.5
[ "$(systemctl show -P MainPID assayd.service)" = "$pid" ] || fail "the watchdog ended a loop that turns"
settings assayd.service '[Service]' ''

part "the socket alone starts it"
systemctl stop assayd.socket assayd.service
accepted 2>/dev/null && fail "still there after stop"
systemctl start assayd.socket
systemctl -q is-active assayd.service && fail "started before anybody asked"
accepted && refused || fail "socket activation"
systemctl -q is-active assayd.service || fail "not started by the socket"

part "a second agent on this host"
cp right.yaml /etc/assay/second.yaml
systemctl enable --now assayd@second.service || fail "an instance"
accepted /run/assay-second/assayd.sock || fail "the instance's answer"
assay verify --socket /run/assay-second/assayd.sock --token-file revoked >/dev/null || fail "the instance knows what only the first was told"
[ "$(stat -c %a /var/lib/assay-second)" = 700 ] || fail "the instance's state"
systemctl reload assayd@second.service || fail "the instance's reload"

part "restarts, kill -9 and an upgrade under load"
echo "# mine" >>/etc/assay/policy.yaml
runuser -u orders -- /t/load good revoked >load.out 2>load.err &
sleep 1
for i in 1 2 3 4 5; do
    systemctl restart assayd.service || fail "restart"
    sleep 0.3
done
systemctl kill -s KILL assayd.service
sleep 1
pid=$(systemctl show -P MainPID assayd.service)
second=$(systemctl show -P MainPID assayd@second.service)
apt-get install -q ./newer/*.deb || fail "upgrade"
eventually 10 is_new "$pid"
[ "$(systemctl show -P MainPID assayd@second.service)" != "$second" ] || fail "the instance is still the older one"
dpkg-query -W -f '${Version}\n' assayd | grep -q assay2 || fail "the upgrade did not happen"
sleep 1
pkill -TERM -x load
wait
cat load.out load.err
grep -q ' 0 wrong, 0 failed' load.out || fail "calls were lost or wrong"
grep -q '^# mine' /etc/assay/policy.yaml || fail "the upgrade took a changed conffile"
refused && accepted || fail "after the upgrade"

part "a faulty configuration: once, with the reason, and no loop"
echo "isuers: []" >>/etc/assay/assayd.yaml
systemctl restart assayd.service && fail "started with a faulty configuration"
sleep 1.5
[ "$(systemctl show -P NRestarts assayd.service)" = 0 ] || fail "a crash loop"
systemctl status assayd.service | grep -q 'isuers' || fail "status does not say what is faulty"
cp right.yaml /etc/assay/assayd.yaml
systemctl start assayd.socket assayd.service || fail "start after the mistake"
accepted || fail "after the mistake"

part "credentials"
printf 'a secret of the test\n' >/etc/assay/redis.password
chmod 600 /etc/assay/redis.password
settings assayd.service '[Service]' LoadCredential=redis:/etc/assay/redis.password
cat right.yaml - >/etc/assay/assayd.yaml <<END
revocation:
  feeds:
    - {redis: "redis://127.0.0.1:$REDIS_PORT/0", password_file: /run/credentials/assayd.service/redis}
END
systemctl restart assayd.service || fail "with a credential: not ready, so the Redis did not let it in"
runuser -u assay -- cat /etc/assay/redis.password 2>/dev/null && fail "the agent's user can read the file itself"
mint published >published
assay verify --token-file published >/dev/null || fail "before it was published"
(umask 077 && cp /etc/assay/redis.password password)
assay revoke --to "redis://127.0.0.1:$REDIS_PORT/0" --password-file password --issuer https://auth.example.com --jti published || fail "publish"
eventually 5 sh -c '! assay verify --token-file published >/dev/null 2>&1'
settings assayd.service '[Service]' ''
cp right.yaml /etc/assay/assayd.yaml
systemctl restart assayd.service || fail "restart"

part "a gateway's socket"
cat right.yaml - >/etc/assay/assayd.yaml <<END
http: {listen: unix:/run/assay/http.sock}
END
settings assayd-http.socket '[Socket]' SocketGroup=mail
systemctl enable assayd-http.socket
systemctl stop assayd.socket assayd
systemctl start assayd-http.socket assayd || fail "HTTP"
[ "$(stat -c %G:%a /run/assay/http.sock)" = mail:660 ] || fail "the gateway's socket"
ask_http() {
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Peer => "/run/assay/http.sock") or die "connect: $!\n";
        print $s "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"; print <$s>'
}
ask_http | grep -q '^HTTP/1.1 200' || fail "HTTP's answer"
systemctl --no-block restart assayd.service
ask_http | grep -q '^HTTP/1.1 200' || fail "HTTP during a restart"
systemctl disable --now assayd-http.socket
cp right.yaml /etc/assay/assayd.yaml

part "no network"
mkdir -p /etc/systemd/system/assayd.service.d
ln -s /usr/share/assay/no-network.conf /etc/systemd/system/assayd.service.d/
systemctl daemon-reload && systemctl restart assayd.service || fail "without a network"
accepted && refused || fail "answers without a network"
systemd-analyze security --threshold=5 assayd.service | tail -n 1 || fail "exposed without a network"
[ "$(nsenter -t "$(systemctl show -P MainPID assayd.service)" -n ip -o link 2>/dev/null | grep -vc ' lo:')" = 0 ] || fail "it has a network"

part "remove and purge"
echo kept >/var/lib/assay/kept
apt-get remove -q assayd || fail "remove"
[ ! -e /run/assay/assayd.sock ] || fail "the socket stays"
pgrep -x assayd && fail "it runs on"
[ -e /var/lib/assay/kept ] && grep -q '^# mine' /etc/assay/policy.yaml || fail "removal takes more than the programs"
apt-get purge -q assayd || fail "purge"
[ ! -e /var/lib/assay ] && [ ! -e /var/lib/assay-second ] && [ ! -e /etc/assay/policy.yaml ] || fail "purge leaves state"
[ -e /etc/assay/assayd.yaml ] || fail "purge takes what the administrator wrote"
[ -z "$(systemctl --failed --plain --no-legend | grep assay)" ] || fail "a unit failed"
echo "ALL GOOD"
