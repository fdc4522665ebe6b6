#!/usr/bin/env bash
# Writes the public surface, as the analyzer sees it, into PublicAPI.Unshipped.txt. Review the diff: it is the API review.
set -euo pipefail
cd "$(dirname "$0")/.."
for project in src/Containers.*/; do
    project=${project%/}
    file=$project/PublicAPI.Unshipped.txt
    echo '#nullable enable' > "$file"
    { dotnet build "$project" --no-incremental -p:TreatWarningsAsErrors=false 2>&1 |
        grep "$project/" | sed -n "s/.*warning RS0016: Symbol '\(.*\)' is not part of the declared public API.*/\1/p" || true; } |
        LC_ALL=C sort -u > "$file.new"
    cat "$file.new" >> "$file"
    rm "$file.new"
done
git diff --stat -- 'src/*/PublicAPI.Unshipped.txt'
