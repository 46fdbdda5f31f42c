# Images of what Debian has installed on this machine. Sourced by `cluster`.

copy_with_libraries() { # copy_with_libraries EXECUTABLE ROOT
    local library
    install -D "$1" "$2$1"
    ldd "$1" | grep --only-matching '/[^ ]*' | while read -r library; do install -D "$library" "$2$library"; done
}

# add_shell ROOT APPLET…: busybox as sh, and as these commands.
add_shell() {
    local applet root=$1
    install -D /bin/busybox "$root/bin/sh"
    for applet in "${@:2}"; do ln "$root/bin/sh" "$root/bin/$applet"; done
}

# provide_tools NAME EXECUTABLE…: an image of executables of one folder, with a shell.
provide_tools() {
    local root executable
    root=$(mktemp --directory --tmpdir="$CACHE")
    for executable in "${@:2}"; do copy_with_libraries "$executable" "$root"; done
    add_shell "$root" cat echo find rm
    "$REPOSITORY/deploy/image/oci-archive" --name "$1" --entrypoint /bin/sh --env PATH="$(dirname "$2"):/bin" \
        "$root" "$root.tar" >/dev/null
    "${CTR[@]}" images import "$root.tar" >/dev/null
    rm -rf "$root" "$root.tar"
}
