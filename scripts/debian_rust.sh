# Sourced by the other scripts: a Rust compiler from Debian's packages, unpacked and not installed,
# for machines where rustup has not the toolchain that is needed.

# cargo_with_sources NAME HINT: sets the array `cargo` to a command that understands `-Zbuild-std`: with
# rustup's nightly, if it has the sources of the standard library, or with Debian's compiler and sources.
# Ends the script NAME with exit code 2, and HINT, if there is neither.
cargo_with_sources() {
    if [ -d "$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library" ]; then
        cargo=(cargo +nightly)
        return
    fi
    local toolchain=$PWD/target/debian-rust-src
    if ! debian_rust "" "$toolchain" src || [ ! -x "$toolchain/rustc" ]; then
        echo "$1: no sources of the standard library here; try: $2" >&2
        exit 2
    fi
    export RUSTC=$toolchain/rustc RUSTC_BOOTSTRAP=1
    cargo=(cargo)
}

# debian_rust VERSION DIRECTORY [src]: unpacks the newest packaged compiler whose version begins with
# VERSION (which may be empty), with the sources of the standard library if `src` is given, and leaves
# DIRECTORY/rustc to call. Does nothing if that is there already.
debian_rust() {
    local wanted=$1 directory=$2 sources=${3-} version series packages package llvm
    [ -x "$directory/rustc" ] && return
    command -v apt-get >/dev/null || return

    # The lists may be old, or of the first release only; without the right to update them they stay.
    apt-get -q update >/dev/null 2>&1 || true
    version=$(apt-cache madison rustc-web | awk -v wanted="$wanted" 'index($3, wanted) == 1 { print $3; exit }')
    [ -n "$version" ] || return

    series=$(echo "$version" | cut -d. -f1,2)
    llvm=$(apt-cache depends "libstd-rust-web-$series" | awk '/Depends: libllvm/ { print $2; exit }')
    packages="rustc-web=$version libstd-rust-web-dev=$version libstd-rust-web-$series=$version $llvm"
    [ -z "$sources" ] || packages="$packages rust-web-src=$version"

    rm -rf "$directory"
    mkdir -p "$directory"
    (
        cd "$directory" || exit
        # shellcheck disable=SC2086 # a list of words
        apt-get -qq -o APT::Sandbox::User=root download $packages >&2 || exit
        for package in *.deb; do
            dpkg -x "$package" . || exit
            rm "$package"
        done
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' \
            "$(echo "$PWD"/usr/lib/*-linux-gnu*)" "$PWD/usr/bin/rustc" >rustc
        chmod +x rustc
    )
}
