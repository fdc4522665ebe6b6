#!/bin/sh
# build-launcher.sh SOURCE OUTPUT: compiles the launcher into OUTPUT/linux-{x64,arm64}/libcontainers_launch.so.
set -eu
source=$1 output=$2
flags="-std=c11 -O2 -Wall -Wextra -Werror -ffreestanding -nostdlib -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables
    -fPIC -shared -fvisibility=hidden -Wl,-soname,libcontainers_launch.so -Wl,-z,noexecstack -Wl,--build-id=none -s"

case $(uname -m) in
    x86_64) host=x64 ;;
    aarch64) host=arm64 ;;
    *) echo "error: the launcher is written for x86-64 and arm64, not for $(uname -m)" >&2; exit 1 ;;
esac

# build ARCHITECTURE COMPILER...: under another name first, since two builds may run at once.
build() {
    folder=$output/linux-$1
    shift
    mkdir -p "$folder"
    # shellcheck disable=SC2086
    "$@" $flags -o "$folder/.new.$$" "$source"
    mv "$folder/.new.$$" "$folder/libcontainers_launch.so"
}

if command -v clang > /dev/null; then compiler=clang
elif command -v gcc > /dev/null; then compiler=gcc
else
    echo "error: the launcher is one C file and no compiler was found for it: install clang or gcc (apt-get install gcc)" >&2
    exit 1
fi
build $host $compiler

if [ $compiler = clang ] && command -v ld.lld > /dev/null; then
    for other in x64:x86_64-linux-gnu arm64:aarch64-linux-gnu; do
        [ "${other%%:*}" = $host ] || build "${other%%:*}" clang --target="${other#*:}" -fuse-ld=lld
    done
fi
