#!/usr/bin/env bash
# Runs the tests that are marked [Trait("vm", "yes")] (starting, limits, escape; for root alone: "root", "brief-root") on stock
# kernels with cgroup v2 alone, in virtual machines, as root and as an ordinary user; or here, as a user this machine need not have.
#
#   eng/vm-tests.sh [--suite SUITE]... [--root] [--user] [--brief] [--here] [--if-possible] [-- ARGUMENTS]
#
#   --suite SUITE    the release of Debian whose kernel is booted: bullseye (5.10), bookworm (6.1, the default), trixie (6.12)
#   --root, --user   who runs the tests: root, or an ordinary user with sub-ids and a delegated cgroup (default: both)
#   --brief          only a few of each kind, marked [Trait("vm", "brief")]: without KVM, all take a quarter of an hour and more
#   --here           on this machine instead, in mount and network namespaces of their own, with what is marked "here"; needs root
#   --append PARAMS  more parameters for the kernel, such as "selinux=1 security=selinux"
#   --if-possible    without a runner, say so and succeed
#   ARGUMENTS        for the test programs, such as -class Containers.Tests.Exec.ExecTests
#
# What runs is what "dotnet build -c Release" has built. The runner is a program that runs a command in a virtual machine which
# sees this machine's files at the same paths, "RUNNER [--user] [--append PARAMS] --suite SUITE --timeout SECONDS -- COMMAND...", and ends with the
# command's status: the one in CONTAINERS_VM, or ../shared/vm/run-in-vm. CONTAINERS_VM_TIMEOUT is what one run may take (3600).
# Each run ends with a line "SUITE root|user: N passed, N failed, N skipped", before it the reasons for which tests were skipped.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

projects=(Containers.Core.Tests Containers.Images.Tests Containers.Isolation.Tests)
suites=() users=() more=() brief='' here='' optional='' inside='' arguments=()
while [ $# -gt 0 ]; do
    case $1 in
        --suite) suites+=("$2"); shift ;;
        --root | --user) users+=("${1#--}") ;;
        --brief) brief=1 ;;
        --here) here=1 ;;
        --append) more=(--append "$2"); shift ;;
        --if-possible) optional=1 ;;
        --inside) inside=1 ;;
        --) shift; arguments=("$@"); break ;;
        *) echo "vm-tests.sh: unknown option $1; see its head" >&2; exit 2 ;;
    esac
    shift
done
[ ${#users[@]} -gt 0 ] || users=(root user)
[ ${#suites[@]} -gt 0 ] || suites=(bookworm)
[ -z "$here" ] || [ "$inside" ] || suites=(here)

# Where the tests run: in the machine, or as the user.
if [ "$inside" ]; then
    export DOTNET_CLI_HOME=$HOME DOTNET_NOLOGO=1 DOTNET_TieredPGO=0 # what instruments code pays off later than this
    export CONTAINERS_STORE=${TEST_HOME:-/var/tmp}/containers-store # what a file system can is asked of the one that the tests are on
    unset CI # what is missing here is a reason to skip; the reasons are printed
    if [ "$brief" ]; then marked=(-trait vm=brief) root=brief-root; else marked=(-trait vm=yes) root=root; fi
    [ "$(id -u)" != 0 ] || marked+=(-trait "vm=$root")
    [ -z "$here" ] || marked+=(-trait here=yes)
    dotnet tests/Containers.Isolation.Tests/bin/Release/net10.0/Containers.TestHost.dll probe # what this kernel has
    status=0
    for project in "${projects[@]}"; do
        "tests/$project/bin/Release/net10.0/$project" -noColor "${marked[@]}" ${arguments[@]+"${arguments[@]}"} || status=1
    done
    exit $status
fi

runner=${CONTAINERS_VM:-../shared/vm/run-in-vm}
if [ -z "$here" ] && ! command -v "$runner" > /dev/null; then
    echo "vm-tests.sh: there is no runner of virtual machines at $runner; CONTAINERS_VM names another one"
    [ "$optional" ] && exit 0 || exit 1
fi
for project in "${projects[@]}"; do
    [ -x "tests/$project/bin/Release/net10.0/$project" ] || { echo "vm-tests.sh: build first: dotnet build -c Release" >&2; exit 1; }
done

work=$(mktemp -d "${TEST_HOME:-/var/tmp}/containers-vm-tests-XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# On this machine. The user is in /etc/passwd, and has sub-ids, for those only who are in this mount namespace.
run_here() {
    local as=()
    if [ "$1" = user ]; then
        mkdir -p "$work/home" && chown 1500:1500 "$work/home"
        { grep -v ':1500:' /etc/passwd; echo "tester:x:1500:1500::$work/home:/bin/sh"; } > "$work/passwd"
        echo 'tester:700000:65536' > "$work/subids"
        as=(setpriv --reuid 1500 --regid 1500 --clear-groups env "HOME=$work/home" USER=tester)
    fi
    unshare --mount --net sh -ec '
        mount --make-rprivate /
        ip link set lo up
        if [ -e "$1/subids" ]; then
            for file in passwd:passwd subids:subuid subids:subgid; do
                mount --bind "$1/${file%:*}" "/etc/${file#*:}"
            done
            if [ -e /dev/net/tun ]; then mount -t tmpfs tmpfs /dev/net; mknod -m 666 /dev/net/tun c 10 200; fi # as udev leaves it
        fi
        shift
        exec "$@"' sh "$work" ${as[@]+"${as[@]}"} "${command[@]}"
}

command=("$PWD/eng/vm-tests.sh" --inside ${here:+--here} ${brief:+--brief} -- ${arguments[@]+"${arguments[@]}"})
results=() status=0
for suite in "${suites[@]}"; do
    for user in "${users[@]}"; do
        echo "== $suite $user"
        began=$SECONDS options=()
        if [ "$here" ]; then
            run_here "$user" 2>&1 | tee "$work/log"
        else
            [ "$user" = root ] || options=(--user)
            "$runner" ${options[@]+"${options[@]}"} ${more[@]+"${more[@]}"} --suite "$suite" --timeout "${CONTAINERS_VM_TIMEOUT:-3600}" -- "${command[@]}" 2>&1 | tee "$work/log"
        fi
        ended=$?
        # "   Containers.Core.Tests  Total: 9, Errors: 0, Failed: 1, Skipped: 2, Not Run: 1, Time: 1.2s", one for each project.
        read -r summaries passed failed skipped < <(sed -n -e 's/.* Total: 0$/0 0 0 0 0/p' \
            -e 's/.*Total: \([0-9]*\), Errors: \([0-9]*\), Failed: \([0-9]*\), Skipped: \([0-9]*\), Not Run: \([0-9]*\).*/\1 \2 \3 \4 \5/p' "$work/log" |
            awk '{ passed += $1 - $3 - $4 - $5; failed += $2 + $3; skipped += $4 } END { print NR, passed + 0, failed + 0, skipped + 0 }')
        grep -A 1 '\[SKIP\]' "$work/log" | grep -v -e '\[SKIP\]' -e '^--' | sed 's/^ */skipped: /' | sort | uniq -c
        results+=("$suite $user: $passed passed, $failed failed, $skipped skipped")
        echo "${results[-1]} ($((SECONDS - began)) s)"
        [ "$summaries" = ${#projects[@]} ] || echo "A project of tests ended without a summary; the run ended with $ended."
        [ "$summaries" = ${#projects[@]} ] && [ "$ended" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ] || status=1
    done
done
echo "== all"
printf '%s\n' "${results[@]}"
exit $status
