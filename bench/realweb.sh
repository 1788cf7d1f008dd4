#!/usr/bin/env bash
# Crawls three documentation trees of Debian, served by a private nginx on
# loopback, with wget2 and with us, and fails unless both asked for the same
# URLs, each difference is one that this file explains, a second run is
# answered "not modified" and stores next to nothing, and nginx saw us keep
# our manners. What it prints is explained in README.md beside it.
#
# REALWEB_PER_HOST (8) is how many requests each crawler may have in flight.
. "$(dirname "$0")/lib.sh"

per_host=${REALWEB_PER_HOST:-8}
least_304=95  # percent of the second run's answers
most_stored=700 # bytes a URL that the second run stores: the WARC record of a revisit
declare -A flight=([one]=1 [many]=$per_host)
corpora=(python3.11 postgresql-15 boost1.81)
slow=127.0.0.4

# Differences that are as they should be: corpus, who asked for it alone,
# status and address as nginx logged them, and why. A difference that is not
# here, and is none of spelling (see respelled), fails the script.
known() {
    cat <<'TABLE'
*	crawl	404 /sitemap.xml	we look for a sitemap where robots.txt names none; wget2 does not
boost1.81	crawl	404 /boost_process/(http://pubs.opengroup.org/onlinepubs/009695399/functions/mkfifo.html	the page says href="(http://...": no scheme has a bracket, so it is a relative address, as in a browser; wget2 drops it
boost1.81	wget2	200 /boost/yap/operator%25.html	the page says href="operator%.html"; browsers and we send the lone % as it is, and nginx answers 400 without logging an address; wget2 mends it
TABLE
}

packages=(nginx-light wget2 jq time python3.11-doc postgresql-doc-15 libboost1.81-doc)

# servers are the corpora, and the PostgreSQL documentation once more, on a host
# that forbids a part of it and answers 200 times a second: only where answers
# take time does the log show how many requests are in flight.
servers() {
    local port=$1 corpus
    cat <<CONF
    limit_req_zone \$server_addr zone=slow:1m rate=200r/s;
    server {
        listen $slow:$port;
        root ${root[postgresql-15]};
        access_log $work/slow.log tabs;
        limit_req zone=slow burst=1000;
        location = /robots.txt { return 200 "User-agent: *\nDisallow: /sql-\n"; }
    }
CONF
    for corpus in "${corpora[@]}"; do
        echo "    server { listen ${address[$corpus]}:$port; root ${root[$corpus]}; access_log $work/$corpus.log tabs; }"
    done
}

# ours crawls a corpus; the user agent tells the first run from the second.
ours() {
    local corpus=$1 run=$2
    timed "$work/$corpus.$run.time" "$work/crawl" run "http://${address[$corpus]}:$port/" --config "$work/empty.yaml" \
        --data "$work/$corpus.data" --per-host "$per_host" --assets fetch --user-agent "crawl/realweb ($run)" --json -q \
        >"$work/$corpus.$run.json" 2>"$work/$corpus.$run.err"
    tail -n 1 "$work/$corpus.$run.json" >"$work/$corpus.$run.summary"
    [[ $(jq -r .state "$work/$corpus.$run.summary" 2>/dev/null) == complete ]] ||
        die "$corpus: our $run run did not complete: $(tail -n 3 "$work/$corpus.$run.err")"
}

theirs() {
    local corpus=$1 code
    timed "$work/$corpus.wget2.time" wget2 --config=/dev/null --quiet --recursive --level=inf --robots=on \
        --max-threads="$per_host" --user-agent=wget2 --directory-prefix="$work/$corpus.wget2" "http://${address[$corpus]}:$port/"
    read -r _ _ _ _ code <"$work/$corpus.wget2.time"
    [[ $code == 0 || $code == 8 ]] || die "$corpus: wget2 exits with $code" # 8: the server answered errors
}

# respelled sorts out the addresses that both mean but spell differently.
# wget2 joins // in a path and escapes @, which makes other addresses of them
# (RFC 3986, 2.2 and 6.2.2); browsers and we do not. Left in crawl.left and
# wget2.left is what remains.
respelled() {
    : >crawl.left
    : >wget2.used
    awk -F'\t' '
        FILENAME == "wget2.only" { theirs[$0] = 1; next }
        {
            spelt = $0
            joined += gsub(/\/\/+/, "/", spelt) > 0 && spelt in theirs
            escaped += gsub(/@/, "%40", spelt) > 0 && spelt in theirs
            print (spelt in theirs) ? spelt : $0 >((spelt in theirs) ? "wget2.used" : "crawl.left")
        }
        END {
            if (joined) printf "  both   %d the same but for a // that wget2 joins: in a path // is not / (RFC 3986, 3.3)\n", joined
            if (escaped) printf "  both   %d the same but for an @ that wget2 escapes: a path may hold @ (RFC 3986, 3.3)\n", escaped
        }' wget2.only crawl.only
    sort -u wget2.used | comm -13 - wget2.only >wget2.left
}

# compare holds the two sets of URLs against each other, in a folder of theirs.
compare() {
    local corpus=$1 who line reason
    mkdir "$work/$corpus.set"
    cd "$work/$corpus.set"
    asked "$corpus" "crawl/realweb (first)" >crawl.all
    asked "$corpus" wget2 >wget2.all
    comm -23 crawl.all wget2.all >crawl.only
    comm -13 crawl.all wget2.all >wget2.only
    printf '\n%s: %d URLs asked for by both, %d by crawl alone, %d by wget2 alone\n' "$corpus" \
        "$(comm -12 crawl.all wget2.all | wc -l)" "$(wc -l <crawl.only)" "$(wc -l <wget2.only)"
    respelled
    for who in crawl wget2; do
        while read -r line; do
            reason=$(known | awk -F'\t' -v c="$corpus" -v who="$who" -v line="$line" \
                '($1 == c || $1 == "*") && $2 == who && $3 == line { print $4 }')
            if [[ -n $reason ]]; then
                printf '  %-6s %s: %s\n' "$who" "$line" "$reason"
            else
                fault "$corpus: only $who asked for: $line"
            fi
        done <"$who.left"
    done
    cd "$work"
}

# exported holds our store against the server's log.
exported() {
    local corpus=$1
    "$work/crawl" export --data "$work/$corpus.data" --table pages -f jsonl "${address[$corpus]}:$port@1" |
        jq -r 'select(.status == 200 and .mime == "text/html" and .kind == "page").url | sub("^http://[^/]*"; "")' |
        sort -u >"$work/$corpus.exported"
    if ! pages "$corpus" "crawl/realweb (first)" | cmp -s - "$work/$corpus.exported"; then
        fault "$corpus: the store does not hold the pages that nginx served us"
    fi
}

# again looks at the second run and sets share to its share of 304, in
# percent: all that answered 200 before had validators, nginx gives them to
# every file.
again() {
    local corpus=$1 first second asked ratio
    share=$(awk -F'\t' '
        $5 == "crawl/realweb (first)" && $3 == 200 { had[$6] = 1 }
        $5 == "crawl/realweb (second)" && $6 in had { all++; same += $3 == 304 }
        END { printf "%.1f", all ? 100 * same / all : 0 }' "$work/$corpus.log")
    over "$share" "$least_304" || fault "$corpus: only $share % of the second run's answers are 304"
    first=$(jq .stored_bytes "$work/$corpus.first.summary")
    second=$(jq .stored_bytes "$work/$corpus.second.summary")
    asked=$(asked "$corpus" "crawl/realweb (second)" | wc -l)
    ratio=$(awk -v a="$second" -v b="$first" 'BEGIN { printf "%.1f", 100 * a / b }')
    printf '%-14s second run: %s %% not modified; stored %d bytes, %d a URL: %s %% of what the first stored\n' \
        "$corpus" "$share" "$second" "$((second / asked))" "$ratio"
    over "$most_stored" "$((second / asked))" || fault "$corpus: the second run stored $((second / asked)) bytes a URL, not $most_stored at most"
    [[ $(bodies "$corpus") == "$(<"$work/$corpus.bodies")" ]] || fault "$corpus: the second run stored bodies that were there already"
    "$work/crawl" db check --data "$work/$corpus.data" >"$work/check" 2>&1 || fault "$corpus: db check: $(tail -n 3 "$work/check")"
}

# bodies counts the bodies in the archive of a corpus: records that are neither
# requests nor revisits.
bodies() { zcat "$work/$1.data"/bodies/*.warc.gz | grep -ac '^WARC-Type: response' || true; }

# in_flight is the largest number of requests that an agent had in flight, as
# far as milliseconds tell: an answer that takes none counts as none.
in_flight() {
    awk -F'\t' -v agent="$2" '$5 == agent && $2 > 0 {
        printf "%.0f 1\n%.0f -1\n", 1000 * ($1 - $2), 1000 * $1
    }' "$work/$1.log" | sort -n -k1,1 -k2,2 | awk '{ n += $2; if (n > most) most = n } END { print most + 0 }'
}

# manners reads in a log how our runs behaved: the agents of them.
manners() {
    local log=$1 agent robots twice
    shift
    for agent in "$@"; do
        robots=$(awk -F'\t' -v agent="$agent" '$5 == agent && $6 == "/robots.txt"' "$work/$log.log" | wc -l)
        twice=$(awk -F'\t' -v agent="$agent" '$5 == agent && seen[$6]++' "$work/$log.log" | wc -l)
        ((robots == 1)) || fault "$log: $agent asked for robots.txt $robots times"
        ((twice == 0)) || fault "$log: $agent asked for $twice URLs more than once"
        (($(in_flight "$log" "$agent") <= per_host)) || fault "$log: $agent had more than $per_host requests in flight"
    done
}

# audit crawls a part of the slow host twice: with one request at a time, as
# is the default, and with many.
audit() {
    local agent code
    for agent in one many; do
        timed "$work/slow.time" "$work/crawl" run "http://$slow:$port/" --config "$work/empty.yaml" --data "$work/slow.data" \
            --per-host "${flight[$agent]}" --max-pages 300 --store none --user-agent "crawl/$agent" -q 2>"$work/slow.err"
        read -r _ _ _ _ code <"$work/slow.time"
        [[ $code == 3 ]] || die "the crawl of the slow host exits with $code, not with 3: $(tail -n 3 "$work/slow.err")"
    done
}

# audited reads what nginx saw of it. That it saw as many requests at once as
# were allowed shows that it would have seen more.
audited() {
    local agent most asked barred
    for agent in one many; do
        manners slow "crawl/$agent"
        most=$(in_flight slow "crawl/$agent")
        asked=$(awk -F'\t' -v agent="crawl/$agent" '$5 == agent' "$work/slow.log" | wc -l)
        barred=$(awk -F'\t' -v agent="crawl/$agent" '$5 == agent && $6 ~ "^/sql-"' "$work/slow.log" | wc -l)
        printf 'slow host      --per-host %d: at most %d in flight, %d requests, %d of them for what robots.txt forbids\n' \
            "${flight[$agent]}" "$most" "$asked" "$barred"
        ((most == flight[$agent])) || fault "slow host: $most requests in flight with --per-host ${flight[$agent]}"
        ((barred == 0)) || fault "slow host: asked for what robots.txt forbids"
    done
}

# row prints one line of the table.
row() {
    local corpus=$1 crawler=$2 count=$3 stored=$4 share=$5 wall user sys peak code
    read -r wall user sys peak code <"$work/$corpus.$crawler.time"
    awk -v c="$corpus" -v w="$crawler" -v n="$count" -v t="$wall" -v cpu="$user $sys" -v m="$peak" -v s="$stored" -v h="$share" 'BEGIN {
        split(cpu, part, " ")
        printf "%-14s  %-12s %7d %8.2f %8.2f %8.1f %10.2f  %6s\n", c, w, n, t, part[1] + part[2], m / 1024, s / 1e6, h
    }' | sed -e 's/ first / crawl /' -e 's/ second      / crawl again /'
}

prepare "${corpora[@]}"
serve
for corpus in "${corpora[@]}"; do
    theirs "$corpus"
    ours "$corpus" first
    bodies "$corpus" >"$work/$corpus.bodies"
    ours "$corpus" second
done
audit
served

echo "Which URLs, and why they differ:"
for corpus in "${corpora[@]}"; do
    compare "$corpus"
    exported "$corpus"
done
printf '\n'
declare -A shares
for corpus in "${corpora[@]}"; do
    again "$corpus"
    shares[$corpus]=$share
    manners "$corpus" "crawl/realweb (first)" "crawl/realweb (second)"
done
audited
printf '\n%-14s  %-12s %7s %8s %8s %8s %10s  %6s\n' corpus crawler pages seconds CPU-s peak-MB stored-MB '304-%'
for corpus in "${corpora[@]}"; do
    ours_pages=$(pages "$corpus" "crawl/realweb (first)" | wc -l)
    row "$corpus" wget2 "$(pages "$corpus" wget2 | wc -l)" "$(du -sb "$work/$corpus.wget2" | cut -f1)" -
    row "$corpus" first "$ours_pages" "$(jq .stored_bytes "$work/$corpus.first.summary")" -
    row "$corpus" second "$ours_pages" "$(jq .stored_bytes "$work/$corpus.second.summary")" "${shares[$corpus]}"
done
printf '\n%d requests in flight each; wget2 saves plain files and no index, we keep requests, answers, links and search fields.\n' "$per_host"
((failed == 0)) || die "see the faults above"
echo "realweb: all is well"
