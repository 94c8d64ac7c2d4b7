#!/bin/sh
# Tests the container image and the Kubernetes manifests of agent/pods/, without a Docker engine or a cluster: podman builds the image on a base that
# is made here from Debian's packages, and runs the image, and the manifests, as kubelet does. Needs root, and Debian's packages over the network. If
# something is missing, says what, and exits with 77. $ASSAY_BUILD: the build folder.
set -eu
cd "$(dirname "$0")/.."

skipped() {
    echo "pods: skipped, $1"
    exit 77
}

# In its own namespaces: all processes and mounts are gone when it ends, also if it is killed.
if [ -z "${ASSAY_PODS:-}" ]; then
    [ "$(id -u)" -eq 0 ] || skipped "it needs root"
    for tool in podman crun mmdebstrap unshare ip redis-server; do
        command -v $tool >/dev/null || skipped "there is no $tool"
    done
    /usr/bin/python3 -c 'import yaml' 2>/dev/null || skipped "there is no python3-yaml"
    unshare --mount --pid --fork true 2>/dev/null || skipped "no namespaces can be made here"
    ASSAY_PODS=$(mktemp -d)
    export ASSAY_PODS
    trap 'rm -rf "$ASSAY_PODS"' EXIT
    timeout -k 2 900 unshare --mount --pid --fork --kill-child --mount-proc sh tests/pods.sh &
    inside=$!
    trap 'kill $inside; wait $inside || true; exit 130' INT TERM
    code=0
    wait $inside || code=$?
    exit $code
fi

# crun refuses to run if both versions of control groups are mounted, even if it creates none.
if mountpoint -q /sys/fs/cgroup/unified; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
# In memory if there is enough: dpkg waits for the disk after each file.
if [ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -gt 6000000 ]; then
    mount -t tmpfs -o size=5g,mode=755 tmpfs "$ASSAY_PODS"
fi
export TMPDIR="$ASSAY_PODS"
mkdir "$ASSAY_PODS/bin" "$ASSAY_PODS/storage" "$ASSAY_PODS/application"
# The storage belongs to this test, and is removed with it.
overlay() {
    (cd "$ASSAY_PODS" && mkdir lower upper work merged &&
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged 2>/dev/null && umount merged)
}
if overlay; then driver=overlay; else driver=vfs; fi
storage="$ASSAY_PODS/storage"
cat >"$ASSAY_PODS/bin/podman" <<PODMAN
#!/bin/sh
exec $(command -v podman) --root $storage/root --runroot $storage/run --tmpdir $storage/tmp --storage-driver $driver "\$@"
PODMAN
# Where podman and crun keep what is outside the storage: locks, and running containers.
mount -t tmpfs tmpfs /dev/shm
mkdir -p /run/crun
mount -t tmpfs tmpfs /run/crun
chmod 755 "$ASSAY_PODS/bin/podman"
PATH="$ASSAY_PODS/bin:$PATH"

# The base image of the recipe. Nothing is pulled from a registry.
start=$(date +%s)
log="$ASSAY_PODS/log"
base="$ASSAY_PODS/base.tar"
timeout 300 mmdebstrap --quiet --variant=apt bookworm "$base" >"$log" 2>&1 || skipped "there is no Debian to be had: $(tail -n 1 "$log")"
podman import --quiet "$base" docker.io/library/debian:12 >/dev/null 2>"$log" || skipped "podman does not work here: $(tail -n 1 "$log")"
rm "$base"
podman run --rm --network=none --cgroups=disabled --ulimit=nofile=4224:4224 --ulimit=nproc=1024:1024 debian:12 true 2>"$log" ||
    skipped "no container runs here: $(tail -n 1 "$log")"
echo "pods: the base, $(($(date +%s) - start)) s"

start=$(date +%s)
build=$(sed -n 's/^podman build /podman build --pull=never --isolation=chroot --network=host /p' agent/pods/README.md)
sh -c "${build:-false}" >"$log" 2>&1 || {
    tail -n 40 "$log"
    exit 1
}
echo "pods: the image, $(($(date +%s) - start)) s"

# The image that checks the manifests, and an application: a program with libassay that needs nothing else.
if why=$(sh tests/pods/install.sh "$ASSAY_BUILD/pods"); then
    export ASSAY_KUBERNETES_TYPES="$ASSAY_BUILD/pods"
else
    echo "pods: the manifests are not checked against the types of Kubernetes' API: $why"
fi
cc -static -Iinclude client/examples/epoll.c "$(find "$ASSAY_BUILD" -name libassay.a | head -n 1)" -o "$ASSAY_PODS/application/epoll"
export ASSAY_APPLICATION="$ASSAY_PODS/application"
ASSAY_CA=$(awk '{ print } /END/ { exit }' /etc/ssl/certs/ca-certificates.crt)
export ASSAY_CA

# From here on there is only the loopback network, because nothing that runs may need another.
cd tests/pods
unshare --net sh -c 'ip link set lo up && exec /usr/bin/python3 -B -W ignore::ResourceWarning -m unittest discover -p "test_*.py"'
