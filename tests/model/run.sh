#!/bin/sh
# The model of the fast path: the design, all states of each part of it, and then each deliberate mistake, which must be found.
set -u
cd "$(dirname "$0")"
model=$PWD/fastpath.pml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# All of it at once does not fit, so each leaves something out. No run has three agents with both tokens, or revocations together with
# the policy or new keys, or more than one thread that asks.
revokes="-DAGENTS=2 -DCHANGES=3 -DQUESTIONS=3 -DEXPIRES=0"
policy="-DAGENTS=2 -DCHANGES=4 -DQUESTIONS=4 -DEXPIRES=1"
keys="-DAGENTS=2 -DCHANGES=8 -DQUESTIONS=3 -DEXPIRES=0"
three="-DAGENTS=3 -DCHANGES=1 -DQUESTIONS=1 -DEXPIRES=0"

# A name, BUG's number, what is left out; the checker's own words go into $folder/out.
check() {
    (cd "$folder" && spin -DBUG="$2" $3 -a "$model" >spin.out 2>&1 &&
        gcc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=4096 -o pan pan.c &&
        timeout -s INT 120 ./pan -m3000000 -w24 -E -n >out 2>&1)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$folder/out")
    if [ "$2" -eq 0 ]; then
        grep -q 'errors: 0' "$folder/out" && ! grep -q 'not completed\|too small' "$folder/out" && word=holds || word=FAILED
    else
        grep -q 'assertion violated' "$folder/out" && word=found || word=FAILED
    fi
    [ "$word" != FAILED ] || failed=1
    printf 'model: %-24s %s, %s states\n' "$1" "$word" "${states:-no}"
}

check "revocations" 0 "$revokes"
check "policy and expiry" 0 "$policy"
check "three agents" 0 "$three"
check "an issuer's keys" 0 "$keys"
for bug in 1 2 3 5 6 9 10 11 12 13 14 15; do
    check "mistake $bug" "$bug" "$revokes"
done
check "mistake 4" 4 "$three"
check "mistake 7" 7 "$policy"
check "mistake 8" 8 "$policy"
check "mistake 16" 16 "$keys"
check "mistake 17" 17 "$keys"
exit "$failed"
