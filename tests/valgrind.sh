#!/bin/sh
# Runs the unit tests, and every tenth of the cases, under valgrind's memcheck. Any error or leak that it finds is a failure.
# ASSAY_BUILD is a build without sanitizers.
set -u
cd "$(dirname "$0")/.."
build=$(cd "${ASSAY_BUILD:-build-tests}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# Left out: tests that take minutes (random policies, and one of 4 MiB; dozens of RSA keys), that fork children which end without cleanup, that
# measure time, or that look into freed memory.
programs="agent_base64url agent_cache agent_json agent_key agent_list agent_token_edges agent_token_sets
          agent_policy_decide agent_policy_holder agent_policy_match agent_policy_memory agent_policy_resource
          outbound_redis outbound_redis_login outbound_redis_place
          client_authorize client_events_answers client_events_bad_answers client_events_bounds client_events_connect
          client_events_faults client_events_questions
          client_exports client_faults client_options client_value client_verify_answers client_verify_arguments
          client_verify_verdict client_when client_wire"

for program in $programs; do
    [ -x "$build/tests/$program" ] || { echo "there is no $program" >&2; exit 1; }
    printf '%s\n' "$build/tests/$program"
done >"$work/commands"

number=0
for root in cases accepted; do
    mkdir "$work/$root"
    ln -s "$PWD/tests/cases/default" "$work/$root/default"
    for folder in tests/"$root"/*/; do
        number=$((number + 1))
        [ $((number % 10)) -eq 0 ] && ln -sf "$PWD/$folder" "$work/$root/"
    done
done
printf '%s\n' "$build/tests/run_cases $work/cases $work/accepted" >>"$work/commands"

# Two at a time; each prints its report only if it found something.
cat >"$work/check" <<'END'
out=$(mktemp)
valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
    --child-silent-after-fork=yes $1 >"$out" 2>&1
status=$?
[ $status -eq 0 ] || { printf 'under valgrind, exit %s: %s\n' "$status" "$1"; tail -n 60 "$out"; }
rm -f "$out"
exit $status
END
xargs -d '\n' -n 1 -P 2 sh "$work/check" <"$work/commands" || exit 1
echo "$(wc -l <"$work/commands") programs, nothing found"
