#!/usr/bin/env bash
# Measures us beside wget2, colly and the least that a program on net/http can
# take, on documentation trees of Debian served by a private nginx on loopback,
# after it has made sure that all found the same pages; then our own curves.
# What it prints is explained in README.md beside it. Speed never fails it.
#
#   bench/run.sh [--quick] [--markdown] [--peers | --curves] [--only NAMES] [--huge]
#
# --quick     fewer rounds and smaller sizes: under 5 minutes
# --markdown  as in RESULTS.md
# --peers     the comparison alone; --curves: the curves alone
# --only      these curves alone, with commas, and no peers: known, filled, links, polite, flight, start, tree
# --huge      queues filled with ten million URLs, not one: twelve minutes and 3 GB more
. "$(dirname "$0")/lib.sh"

connections=64
rounds=5
quick= markdown= huge= only= part=all
while (($#)); do
    case $1 in
    --quick) quick=--quick rounds=3 ;;
    --markdown) markdown=--markdown ;;
    --peers | --curves) part=${1#--} ;;
    --only)
        part=curves only=${2-}
        shift
        ;;
    --huge) huge=--huge ;;
    *) die "unknown option $1: see the head of $0" ;;
    esac
    shift
done
packages=(nginx-light wget2 jq time python3.11-doc postgresql-doc-15 libboost1.81-doc openjdk-17-doc)
crawlers=(crawl wget2 colly floor)
corpora=(postgresql-15 openjdk-17 python3.11 boost1.81)
[[ -z $quick ]] || corpora=(postgresql-15 python3.11)
trees=("${corpora[@]}")
packed=("${corpora[@]}") # the same once more, compressed beforehand, as most of the web is
[[ -z $quick ]] || packed=(postgresql-15)
for corpus in "${packed[@]}"; do
    corpora+=("$corpus+gzip")
    root[$corpus+gzip]=$work/gzip/$corpus
    address[$corpus+gzip]=${address[$corpus]/127.0.0/127.0.1}
done

# Pages that not all found: corpus, crawler that has not what we have or has
# what we have not, address, and why. Others fail the script.
known() {
    cat <<'TABLE'
boost1.81	wget2	+ /boost/yap/operator%25.html	the page says href="operator%.html"; browsers and we send the lone % as it is, and nginx answers 400; wget2 mends it
boost1.81	colly	+ /boost/yap/operator%25.html	as wget2
TABLE
}

servers() {
    local port=$1 corpus static
    for corpus in "${corpora[@]}"; do
        static=off
        [[ $corpus != *+gzip ]] || static=on
        echo "    server { listen ${address[$corpus]}:$port; root ${root[$corpus]}; gzip_static $static; access_log $work/$corpus.log tabs; }"
    done
}

# compress makes the trees whose pages nginx sends compressed.
compress() {
    local corpus
    mkdir "$work/gzip"
    for corpus in "${packed[@]}"; do
        cp -rL "${root[$corpus]}" "${root[$corpus+gzip]}"
        find "${root[$corpus+gzip]}" -type f -name '*.htm*' ! -name '*.gz' -print0 | xargs -0 -P 2 -n 500 gzip -k -6
    done
}

# once lets one crawler loose on one corpus and writes to once.time what it
# took. All store into a new folder $work/stored; a user agent names the round.
once() {
    local who=$1 corpus=$2 round=$3 code # run_floor reads corpus
    local seed=http://${address[$corpus]}:$port/ agent=$who/$round
    rm -rf "$work/stored"
    mkdir "$work/stored"
    "run_$who" "$seed" "$agent" 2>"$work/once.err"
    read -r wall user sys peak code <"$work/once.time"
    # wget2 says 8 where a server answered an error, as to a dead link.
    [[ $code == 0 || ($who == wget2 && $code == 8) ]] || die "$corpus: $who exits with $code: $(tail -n 3 "$work/once.err")"
}

run_crawl() {
    timed "$work/once.time" "$work/crawl" run "$1" --config "$work/empty.yaml" --data "$work/stored/data" \
        --concurrency "$connections" --per-host "$connections" --user-agent "$2" -q "${@:3}"
}

# run_crawl-process gives up as much safety as the others have: pages may be
# lost when the machine goes down. For binaries that can.
run_crawl-process() { run_crawl "$@" --durability process; }

# run_wget2 follows the elements that lead to pages, not to images, styles and
# scripts. It asks for compressed bodies by itself.
run_wget2() {
    timed "$work/once.time" wget2 --config=/dev/null --quiet --recursive --level=inf --robots=on \
        --ignore-tags=link,script,style,img,object,embed,input,audio,video,source,track \
        --max-threads="$connections" --user-agent="$2" --directory-prefix="$work/stored" "$1"
}

run_colly() { timed "$work/once.time" "$work/colly" "$1" "$connections" "$2" >"$work/stored/rows.jsonl"; }

run_floor() { timed "$work/once.time" "$work/floor" "$work/$corpus.list" "$connections" "$2"; }

# look has each crawler crawl each corpus once, unmeasured, and compares what
# they found. What we found is the list of the floor.
look() {
    local corpus who
    title "What each asked for, by nginx's log: HTML pages, other answers 200, dead links"
    for corpus in "${corpora[@]}"; do
        for who in "${crawlers[@]}"; do
            once "$who" "$corpus" 0
            pages "$corpus" "$who/0" >"$work/$corpus.$who.pages"
            [[ $who != crawl ]] || sed "s|^|http://${address[$corpus]}:$port|" "$work/$corpus.crawl.pages" >"$work/$corpus.list"
            printf '    %-20s %-14s %6d %6d %6d\n' "$corpus" "$who" "$(wc -l <"$work/$corpus.$who.pages")" $(others "$corpus" "$who/0")
            compare "$corpus" "$who"
        done
    done
    ((failed == 0)) || die "they did not find the same pages, so speeds say nothing"
}

title() { printf '\n%s%s\n\n' "${markdown:+### }" "$1"; }

# others counts what is no page: answers 200, and 400 or above.
others() {
    asked "$1" "$2" | sort -k2 | join -1 2 -2 1 -v 1 - "$work/$1.${2%/0}.pages" |
        awk '{ if ($2 == 200) good++; else if ($2 >= 400) dead++ } END { print good + 0, dead + 0 }'
}

# compare holds the pages of a crawler against ours.
compare() {
    local corpus=$1 who=$2 line reason
    while read -r line; do
        reason=$(known | awk -F'\t' -v c="${corpus%+gzip}" -v who="$who" -v line="$line" '$1 == c && $2 == who && $3 == line { print $4 }')
        if [[ -n $reason ]]; then
            echo "        $line: $reason"
        else
            fault "$corpus: $who against us: $line"
        fi
    done < <({
        comm -13 "$work/$corpus.crawl.pages" "$work/$corpus.$who.pages" | sed 's/^/+ /'
        comm -23 "$work/$corpus.crawl.pages" "$work/$corpus.$who.pages" | sed 's/^/- /'
    })
}

# race has all crawlers crawl a corpus in turn, so that what else the machine
# does falls on all of them alike.
race() {
    local corpus=$1 round who
    for ((round = 1; round <= rounds; round++)); do
        for who in "${crawlers[@]}"; do
            once "$who" "$corpus" "$round"
            echo "$corpus $who $round $wall $user $sys $peak $(wc -l <"$work/$corpus.$who.pages") $(bytes "$work/stored")" >>"$work/measures"
        done
    done
}

# bytes of all files in a folder.
bytes() { find "$1" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'; }

# steady makes sure that every measured run found what the first round found.
steady() {
    local corpus round who
    for corpus in "${corpora[@]}"; do
        for ((round = 1; round <= rounds; round++)); do
            for who in "${crawlers[@]}"; do
                pages "$corpus" "$who/$round" >"$work/round.pages"
                cmp -s "$work/round.pages" "$work/$corpus.$who.pages" ||
                    fault "$corpus: $who found other pages in round $round than before: $(diff "$work/$corpus.$who.pages" "$work/round.pages" | sed -n 2,4p | tr '\n' ' ')"
            done
        done
    done
}

peers() {
    local corpus
    (cd "$bench" && CGO_ENABLED=0 go build -trimpath -o "$work/" ./colly ./floor ./peers)
    if "$work/crawl" run --help | grep -q -e --durability; then crawlers+=(crawl-process); fi
    compress
    serve
    look
    for corpus in "${corpora[@]}"; do race "$corpus"; done
    served
    steady
    "$work/peers" $markdown <"$work/measures"
}

curves() {
    (cd "$bench" && CGO_ENABLED=0 go build -o "$work/" ./curves)
    (cd "$bench/.." && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$work/stripped" ./cmd/crawl)
    TMPDIR=$work "$work/curves" -binary "$work/crawl" -stripped "$work/stripped" -tree "${root[${trees[1]}]}" -only "$only" $quick $huge $markdown
}

# machine says what it was measured on, and when.
machine() {
    printf '%s, %d processors, %s; load %s at the beginning.\n' "$(lscpu | sed -n 's/^Model name: *//p' | head -n 1)" "$(nproc)" \
        "$(date -u +%F)" "$(cut -d' ' -f1 /proc/loadavg)"
}

prepare "${trees[@]}"
machine
[[ $part == curves ]] || peers
[[ $part == peers ]] || curves
((failed == 0)) || die "see the faults above"
