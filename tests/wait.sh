# For scripts to source: waits for a condition, instead of a sleep.

# eventually COMMAND: waits until COMMAND succeeds; returns 1 if it has not after some ten seconds.
eventually() {
    tries=200
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}
