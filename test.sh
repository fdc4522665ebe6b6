#!/usr/bin/env bash
# Installs what the tests need, builds, runs every test, and ends with a line "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")"

# Programs that tests compare with or build images by, and the packages of Debian they come in.
needs=(busybox:busybox-static debootstrap:debootstrap skopeo:skopeo buildah:buildah umoci:umoci bsdtar:libarchive-tools
    setcap:libcap2-bin setfattr:attr zstd:zstd xz:xz-utils ip:iproute2 ps:procps unshare:util-linux setpriv:util-linux
    clang:clang ld.lld:lld git:git mke2fs:e2fsprogs gcc:gcc runc:runc crun:crun bwrap:bubblewrap
    nft:nftables tshark:tshark iperf3:iperf3 pasta:passt dnsmasq:dnsmasq-base
    newuidmap:uidmap keyctl:keyutils mkfs.xfs:xfsprogs podman:podman
    docker-registry:docker-registry htpasswd:apache2-utils openssl:openssl fuse-overlayfs:fuse-overlayfs apparmor_parser:apparmor
    dbus-daemon:dbus-daemon systemctl:systemd checkpolicy:checkpolicy strace:strace)
missing=()
for need in "${needs[@]}"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${need%%:*}" > /dev/null || missing+=("${need#*:}")
done
[ -e /usr/include/asm-generic/unistd.h ] || missing+=(linux-libc-dev)
[ -e /etc/pam.d/systemd-user ] || [ -e /usr/lib/pam.d/systemd-user ] || missing+=(libpam-systemd)
[ -e /usr/include/seccomp.h ] || missing+=(libseccomp-dev)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing ${missing[*]}"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > /dev/null ||
        echo "Some of it could not be installed: the tests that need it are skipped, or fail with CI=true."
fi

dotnet build Containers.sln -c Release -nologo -clp:NoSummary || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

passed=0 failed=0 skipped=0 status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for project in Containers.Native.Tests Containers.Core.Tests Containers.Images.Tests Containers.Isolation.Tests Containers.Networking.Tests; do
    alone=()
    # Links, rules and addresses are changed here: in a network of the tests' own, which goes with them.
    [[ $project =~ Images|Isolation|Networking ]] && unshare --net true 2> /dev/null && alone=(unshare --net sh -c 'ip link set lo up && exec "$@"' sh)
    "${alone[@]}" dotnet run --no-build -c Release --project "tests/$project" -- -noColor "$@" 2>&1 | tee "$log"
    [ "${PIPESTATUS[0]}" = 0 ] || status=1
    # "   Containers.Core.Tests  Total: 9, Errors: 0, Failed: 1, Skipped: 2, Not Run: 1, Time: 1.2s"; an error is what a class left behind.
    if read -r total errors fails skips others < <(sed -n 's/.*Total: \([0-9]*\), Errors: \([0-9]*\), Failed: \([0-9]*\), Skipped: \([0-9]*\), Not Run: \([0-9]*\).*/\1 \2 \3 \4 \5/p' "$log" | tail -n 1); then
        passed=$((passed + total - fails - skips - others)) failed=$((failed + fails + errors)) skipped=$((skipped + skips))
    else
        echo "$project ended without a summary."
        failed=$((failed + 1)) status=1
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $status = 0 ]
