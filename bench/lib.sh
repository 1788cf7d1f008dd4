# Shared by realweb.sh and run.sh, which source it: Debian's documentation
# trees, a private nginx on loopback that serves them, and runs timed without
# the user's settings. Whoever sources it says by `servers PORT` what nginx
# serves, and names in `packages` what must be installed.
set -euo pipefail
export LC_ALL=C

bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -A root=(
    [python3.11]=/usr/share/doc/python3.11/html
    [postgresql-15]=/usr/share/doc/postgresql-doc-15/html
    [boost1.81]=/usr/share/doc/libboost1.81-doc/doc/html
    [openjdk-17]=/usr/share/doc/openjdk-17-jre-headless/api # where openjdk-17-doc puts it
)
declare -A address=([python3.11]=127.0.0.1 [postgresql-15]=127.0.0.2 [boost1.81]=127.0.0.3 [openjdk-17]=127.0.0.5)

die() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
    exit 1
}

failed=0
fault() {
    printf 'FAULT  %s\n' "$*"
    failed=1
}

work=$(mktemp -d)
server=
ended() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# prepare installs the packages named, builds our binary and makes the folder
# fit for nginx and for runs. The corpora named must be there then.
prepare() {
    local corpus
    install "${packages[@]}"
    for corpus in "$@"; do
        [[ -f ${root[$corpus]}/index.html ]] ||
            die "${root[$corpus]} is empty though its package is installed: is /usr/share/doc excluded in /etc/dpkg/dpkg.cfg.d?"
        find -L "${root[$corpus]}" -type f -exec cat {} + >/dev/null # no crawler is the first to read the disk
    done
    command -v go >/dev/null || die "go is missing"
    (cd "$bench/.." && CGO_ENABLED=0 go build -trimpath -o "$work/crawl" ./cmd/crawl)
    mkdir "$work/home"
    : >"$work/empty.yaml"
    chmod 755 "$work"
}

# install gets the packages that are missing. A fresh nginx is kept from
# starting as a service: this script runs its own.
install() {
    local missing=() package guard=/usr/sbin/policy-rc.d
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || die "missing ${missing[*]}, and there is no apt-get to install them with"
    ((EUID == 0)) || die "missing ${missing[*]}: install them, or run this as root"
    if [[ -e $guard ]]; then guard=; else printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod +x "$guard"; fi
    local ok=yes
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}"; } \
        >"$work/apt.log" 2>&1 || ok=
    [[ -z $guard ]] || rm -f "$guard"
    [[ -n $ok ]] || die "could not install ${missing[*]}: $(tail -n 3 "$work/apt.log")"
}

# configuration of nginx on one port: the servers of the script.
configuration() {
    cat <<CONF
worker_processes 1;
daemon off;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path $work/temp1;
    proxy_temp_path $work/temp2;
    fastcgi_temp_path $work/temp3;
    uwsgi_temp_path $work/temp4;
    scgi_temp_path $work/temp5;
    sendfile on;
    etag on;
    disable_symlinks off;
    index index.html;
    keepalive_requests 100000;
    log_format tabs '\$msec\t\$request_time\t\$status\t\$sent_http_content_type\t\$http_user_agent\t\$request_uri';
$(servers "$1")
}
CONF
}

# serve starts nginx on a free port.
serve() {
    local try
    for try in {1..20}; do
        port=$((20000 + (RANDOM % 20000)))
        configuration "$port" >"$work/nginx.conf"
        nginx -p "$work" -c "$work/nginx.conf" 2>"$work/start.log" &
        server=$!
        for _ in {1..50}; do
            kill -0 "$server" 2>/dev/null || break
            if [[ -s $work/nginx.pid ]]; then return; fi
            sleep 0.1
        done
        wait "$server" || true
        server=
        grep -q 'Address already in use' "$work/start.log" || die "nginx does not start: $(cat "$work/start.log")"
    done
    die "no free port after $try tries"
}

# served ends nginx; its log is whole only then.
served() {
    kill -QUIT "$server"
    wait "$server" || true
    server=
}

# timed runs a command without the user's settings and writes its wall seconds,
# CPU seconds (user, system), peak memory in kB and exit code to the file named
# first.
timed() {
    local out=$1 TIMEFORMAT='%3R %3U %3S'
    shift
    # The shell's clock has milliseconds, time's has hundredths.
    {
        time env -i -C "$work" PATH="$PATH" HOME="$work/home" \
            /usr/bin/time -q -o "$out.peak" -f '%M %x' "$@" 2>&4 || true
    } 4>&2 2>"$out.clock"
    echo "$(<"$out.clock") $(<"$out.peak")" >"$out"
}

# asked lists what an agent asked for: status and address. robots.txt is no
# part of a site.
asked() {
    awk -F'\t' -v agent="$2" '$5 == agent && $6 != "/robots.txt" { print $3 " " $6 }' "$work/$1.log" | sort -u
}

# pages lists the HTML pages that an agent got.
pages() {
    awk -F'\t' -v agent="$2" '$5 == agent && $3 == 200 && $4 ~ /^text\/html/ { print $6 }' "$work/$1.log" | sort -u
}

# over tells whether a >= b, for numbers with a point.
over() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }
