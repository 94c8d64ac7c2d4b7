# Sourced inside: what is done is told by its name and the seconds that it took, and its output where it fails.
step() {
    name=$1
    shift
    start=$(date +%s)
    "$@" >/tmp/log 2>&1 || {
        tail -n 60 /tmp/log
        echo "$name: FAILED"
        exit 1
    }
    echo "$name: $(($(date +%s) - start)) s"
}

build() {
    folder=$1
    shift
    cmake -S . -B "$folder" -G Ninja -DASSAY_TESTS=ON -DASSAY_WERROR=ON "$@" && cmake --build "$folder"
}

units() {
    ctest --test-dir "$1" --output-on-failure --timeout 300 -j 2 -E "${2:-^$}"
}
