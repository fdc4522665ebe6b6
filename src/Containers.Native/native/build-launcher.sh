#!/bin/sh
# build-launcher.sh FOLDER OUTPUT: compiles FOLDER/launcher.c into OUTPUT/linux-{x64,arm64}/libcontainers_launch.so, and the
# executables beside it (join.c, init.c) into OUTPUT/linux-{x64,arm64}/containers-NAME.
set -eu
source=$1 output=$2
flags="-std=c11 -O2 -Wall -Wextra -Werror -ffreestanding -nostdlib -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables
    -fvisibility=hidden -Wl,-z,noexecstack -Wl,--build-id=none -s"
library="-fPIC -shared -Wl,-soname,libcontainers_launch.so"
# One segment: an executable is mapped at every join, and nothing in it is written to.
executable="-fno-pie -static -Wno-unused-function -Wl,-z,noseparate-code"

case $(uname -m) in
    x86_64) host=x64 ;;
    aarch64) host=arm64 ;;
    *) echo "error: the launcher is written for x86-64 and arm64, not for $(uname -m)" >&2; exit 1 ;;
esac

# compile FILE COMPILER...: under another name first, since two builds may run at once.
compile() {
    file=$1
    shift
    "$@" -o "$file.new.$$"
    mv "$file.new.$$" "$file"
}

# build ARCHITECTURE COMPILER...
build() {
    folder=$output/linux-$1
    shift
    mkdir -p "$folder"
    # shellcheck disable=SC2086
    compile "$folder/libcontainers_launch.so" "$@" $flags $library "$source/launcher.c"
    for program in join init; do
        # shellcheck disable=SC2086
        compile "$folder/containers-$program" "$@" $flags $executable "$source/$program.c"
    done
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
        [ "${other%%:*}" = $host ] || build "${other%%:*}" clang --target="${other#*:}" -fuse-ld=lld -Wl,--no-rosegment
    done
fi
