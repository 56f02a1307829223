#!/bin/bash
# Which lines of src the tests run, the models and the examples in the documentation included. Each line that they do
# not run is named in docs/coverage.md, with the reason.
#
#     scripts/coverage.sh            fails if a line is not named there, or too many are not run
#     scripts/coverage.sh --write    writes the figures and the lines anew, and keeps the reasons
#
# A line is known by its file, its function and its text, so that it stays named when it moves.
#
# Exit code: 0; 1 if the check or a test fails; 2 if a tool is missing.
set -Eeuo pipefail
cd "$(dirname "$0")/.."

least=95
table=docs/coverage.md
lcov=target/coverage.lcov

missing() {
    echo "coverage: $1" >&2
    exit 2
}

PATH=$PATH:$PWD/target/tools/bin
cargo llvm-cov --version >/dev/null 2>&1 ||
    missing "no cargo-llvm-cov here; try: cargo install cargo-llvm-cov --locked --root target/tools"
# Branches, and examples in the documentation, are instrumented by nightly compilers only.
compiler=$(rustc +nightly --version 2>/dev/null) || missing "no nightly here; try: rustup toolchain install nightly"

# LLVM's own tools, of the compiler's version: from rustup, or from Debian, unpacked and not installed.
find_llvm() {
    local major directory package
    [ -z "${LLVM_COV-}" ] || [ -z "${LLVM_PROFDATA-}" ] || return 0
    compgen -G "$(rustc +nightly --print target-libdir)/../bin/llvm-cov*" >/dev/null && return
    major=$(rustc +nightly -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    directory=/
    if ! command -v "llvm-cov-$major" >/dev/null; then
        directory=$PWD/target/debian-llvm-$major/
        if [ ! -d "$directory" ]; then
            command -v apt-get >/dev/null || return
            mkdir -p "$directory"
            (
                cd "$directory" || exit
                apt-get -q update >/dev/null 2>&1 || true
                apt-get -qq -o APT::Sandbox::User=root download "llvm-$major" "libllvm$major" >&2 || exit
                for package in *.deb; do
                    dpkg -x "$package" . || exit
                    rm "$package"
                done
            ) || { rmdir "$directory" && return 1; }
        fi
        llvm_libraries=$(echo "$directory"usr/lib/*-linux-gnu*)
    fi
    export LLVM_COV=${directory}usr/lib/llvm-$major/bin/llvm-cov
    export LLVM_PROFDATA=${directory}usr/lib/llvm-$major/bin/llvm-profdata
}
find_llvm || missing "no llvm-cov of the compiler's version here; try: rustup component add llvm-tools --toolchain nightly"

cov() {
    cargo +nightly llvm-cov "$@"
}
trap 'echo "coverage: FAILED, see above" >&2' ERR
cov clean --workspace
cov --no-report --branch --quiet --lib --tests
cov --no-report --branch --quiet --doc
# What there is instead of std.
cov --no-report --branch --quiet --no-default-features --features alloc --lib --test kref --test misuse --test refs
LD_LIBRARY_PATH=${llvm_libraries-} cov report --branch --lcov --output-path "$lcov"

# Prints what was counted: `figures LINES RUN BRANCHES TAKEN`, and `line FILE FUNCTION TEXT` for each line that was not run,
# separated by tabs. Not counted are the tests in src, and the examples in the documentation.
count() {
    awk -v OFS='\t' -v root="$PWD/" '
        function read_source(file,    text, number, name, tests) {
            while ((getline text <file) > 0) {
                number++
                if (text ~ /^mod tests/) tests = 1
                if (text !~ /^ *\/\// && match(text, /(^|[ (])fn [a-z_0-9]+/)) {
                    name = substr(text, RSTART, RLENGTH)
                    sub(/.*fn /, "", name)
                }
                gsub(/^[ \t]+|[ \t]+$/, "", text)
                source[number] = text
                functions[number] = name
                counts[number] = !tests && text !~ /^\/\//
            }
            close(file)
        }
        /^SF:/ {
            file = substr($0, 4)
            sub(root, "", file)
            shipped = file ~ /^src\//
            if (shipped) read_source(file)
        }
        !shipped { next }
        /^DA:/ {
            split(substr($0, 4), line, ",")
            if (!counts[line[1]]) next
            lines++
            if (line[2] > 0) run++
            else print "line", file, functions[line[1]], source[line[1]]
        }
        /^BRDA:/ {
            split(substr($0, 6), branch, ",")
            if (!counts[branch[1]]) next
            branches++
            taken += branch[4] > 0
        }
        END { print "figures", lines, run, branches, taken }
    ' "$lcov"
}
counted=$(count)
IFS=$'\t' read -r _ lines run branches taken <<<"$(grep '^figures' <<<"$counted")"
unrun=$(sed -n 's/^line\t//p' <<<"$counted" | LC_ALL=C sort -u)
percent() {
    awk -v part="$1" -v all="$2" 'BEGIN { printf "%.1f %% (%d of %d)", 100 * part / all, part, all }'
}
figures="$(percent "$run" "$lines") of the lines, $(percent "$taken" "$branches") of the branches"

# The rows of the table, as `FILE FUNCTION TEXT` and, behind another tab, the reason.
named() {
    [ ! -f "$table" ] || awk -v OFS='\t' '
        /^### / { file = $2 }
        /^\| `/ {
            gsub(/\\\|/, "\001")
            split($0, cell, / *\| */)
            gsub(/\001/, "|", cell[3])
            print file, substr(cell[2], 2, length(cell[2]) - 2), substr(cell[3], 2, length(cell[3]) - 2), cell[4]
        }
    ' "$table"
}

if [ "${1-}" = --write ]; then
    # What is above the figures stays as it is.
    sed '/^- /,$d' "$table" >"$table.new"
    {
        printf -- '- %s\n- %s, %s\n\n## Lines that are not run\n' "$figures" "$(date -u +%F)" "$compiler"
        awk -F'\t' '
            function cell(text) {
                gsub(/\|/, "\\|", text)
                return "`" text "`"
            }
            named { reason[$1, $2, $3] = $4; next }
            $1 != file { file = $1; printf "\n### %s\n\n| function | line | reason |\n|---|---|---|\n", file }
            { printf "| %s | %s | %s |\n", cell($2), cell($3), reason[$1, $2, $3] }
        ' named=1 <(named) named=0 <({
            printf '%s\n' "$unrun"
            named | awk -F'\t' '$4 ~ /^Race: /' | cut -f1-3
        } | sed '/^$/d' | LC_ALL=C sort -u)
    } >>"$table.new"
    mv "$table.new" "$table"
fi

awk -F'\t' '
    named { if ($4 != "") reason[$1, $2, $3] = 1; next }
    !(($1, $2, $3) in reason) {
        print "coverage: not run, and not named in docs/coverage.md: " $1 ": " $2 ": " $3
        failed = 1
    }
    END { exit failed }
' named=1 <(named) named=0 <(printf '%s' "$unrun") >&2 || failed=1
echo "coverage: $figures"
if [ "$((100 * run))" -lt "$((least * lines))" ]; then
    echo "coverage: below $least % of the lines" >&2
    failed=1
fi
exit "${failed-0}"
