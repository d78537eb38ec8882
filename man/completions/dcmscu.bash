# bash completion for dcmscu, made by "dcmscu --generate bash"
_dcmscu() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    # "--option=value" arrives as three words.
    if [[ $current == "=" ]]; then
        current=""
    elif [[ $previous == "=" ]] && ((COMP_CWORD > 1)); then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    # So does "@node", where @ is among the word breaks.
    if [[ $previous == "@" ]]; then
        local nodes
        nodes=$("${COMP_WORDS[0]}" --generate nodes 2>/dev/null)
        mapfile -t COMPREPLY < <(compgen -W "${nodes//@/}" -- "$current")
        return
    fi
    COMPREPLY=()
    case $previous in
        --serve) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        -H|--hostname) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current"); return ;;
        -p|--port) return ;;
        --call) return ;;
        --aetitle) return ;;
        -i|--input) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --priority) mapfile -t COMPREPLY < <(compgen -W "low medium high" -- "$current"); return ;;
        --root-uid) return ;;
        -j|--jobs) return ;;
        --window) return ;;
        --retries) return ;;
        --retry-delay) return ;;
        --buffer) return ;;
        --failed-out) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --verify) mapfile -t COMPREPLY < <(compgen -W "find commit" -- "$current"); return ;;
        --journal) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --wait) return ;;
        --transaction) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --committed-out) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --max-references) return ;;
        --per) mapfile -t COMPREPLY < <(compgen -W "study series" -- "$current"); return ;;
        -k|--key) compopt -o nospace 2>/dev/null; mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --generate keywords 2>/dev/null)" -- "$current"); return ;;
        --return) compopt -o nospace 2>/dev/null; mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --generate keywords 2>/dev/null)" -- "$current"); return ;;
        --station) return ;;
        --date) return ;;
        --sort) return ;;
        --limit) return ;;
        --split) return ;;
        --charset) return ;;
        --store-query) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --query) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --assume-charset) return ;;
        --force-charset) return ;;
        --timezone) return ;;
        --from-list) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --list-key) return ;;
        --report) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --shard) return ;;
        --format) mapfile -t COMPREPLY < <(compgen -W "text table json jsonl csv tsv dcm count nagios prometheus" -- "$current"); return ;;
        --columns) return ;;
        --show) return ;;
        --group-by) return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$current"); return ;;
        -o|--output) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        --port-scp) return ;;
        --bind) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current"); return ;;
        --move-destination) return ;;
        --to) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current"); return ;;
        --name) return ;;
        --if-exists) mapfile -t COMPREPLY < <(compgen -W "skip overwrite rename fail" -- "$current"); return ;;
        --grace) return ;;
        --prefer) return ;;
        --fsync) mapfile -t COMPREPLY < <(compgen -W "each end none" -- "$current"); return ;;
        --mode) return ;;
        --accept-from) return ;;
        --destination) return ;;
        --http-port) return ;;
        --worklist-items) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --images) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        --inject) return ;;
        --only) return ;;
        --classes) return ;;
        -c|--count) return ;;
        --interval) return ;;
        --connect-timeout) return ;;
        --timeout) return ;;
        --proxy) return ;;
        --proxy-password) return ;;
        --total-timeout) return ;;
        --until) return ;;
        --hours) return ;;
        --per-minute) return ;;
        --max-rate) return ;;
        --max-pdu) return ;;
        --tls-ca) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --tls-crl) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --tls-cert) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --tls-key) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --tls-key-password) return ;;
        --tls-min) mapfile -t COMPREPLY < <(compgen -W "1.2 1.3" -- "$current"); return ;;
        --tls-profile) mapfile -t COMPREPLY < <(compgen -W "bcp195 bcp195-modified bcp195-nd aes" -- "$current"); return ;;
        --tls-name) return ;;
        --tls-pin) return ;;
        --tls-client-cert) mapfile -t COMPREPLY < <(compgen -W "none optional required" -- "$current"); return ;;
        --user) return ;;
        --passcode) return ;;
        --kerberos) return ;;
        --saml) return ;;
        --jwt) return ;;
        --qido-url) return ;;
        --wado-url) return ;;
        --stow-url) return ;;
        --header) return ;;
        --oauth-url) return ;;
        --oauth-client) return ;;
        --oauth-secret) return ;;
        --oauth-scope) return ;;
        --metrics) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --metrics-label) return ;;
        --warn) return ;;
        --crit) return ;;
        -L|--log-file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --log-format) mapfile -t COMPREPLY < <(compgen -W "text json" -- "$current"); return ;;
        --capture) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --capture-bytes) return ;;
        --transcript) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --fail-on) mapfile -t COMPREPLY < <(compgen -W "failure warning" -- "$current"); return ;;
        --config) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "
            --echo --store --find --move --get --worklist --stgcmt --serve --self-test --doctor --probe
            --watch --compare --copy --hostname --port --call --aetitle --input --recursive --priority
            --root-uid --jobs --window --retries --retry-delay --buffer --failed-out --never-rewrite
            --assume-meta --skip-existing --verify --journal --resume --wait --transaction --listen
            --committed-out --max-references --per --key --return --station --date --patientroot --studyroot
            --psonly --patient --study --series --image --sort --limit --split --charset --store-query --query
            --strict --trust-server --fail-if-none --assume-charset --force-charset --relational
            --datetime-matching --fuzzy --timezone --from-list --list-key --report --shard --dry-run --format
            --columns --show --group-by --wide --color --output --port-scp --bind --move-destination --to
            --name --if-exists --grace --no-check --keep-broken --or-move --prefer --fsync --mode
            --accept-from --destination --http-port --worklist-items --images --inject --only --classes
            --list-checks --count --interval --connect-timeout --timeout --proxy --proxy-password
            --total-timeout --until --hours --per-minute --max-rate --max-pdu --tls --tls-ca --tls-crl
            --tls-cert --tls-key --tls-key-password --tls-min --tls-profile --tls-name --tls-pin --tls-show
            --tls-insecure --tls-client-cert --user --passcode --kerberos --saml --jwt --user-unconfirmed
            --user-in-clear --qido-url --wado-url --stow-url --header --oauth-url --oauth-client
            --oauth-secret --oauth-scope --metrics --metrics-label --warn --crit --verbose --debug --warning
            --error --quiet --log-file --log-format --log-time --log-phi --capture --capture-bytes
            --transcript --fail-on --config --show-config --nodes --help --version --queryhelp
            " -- "$current")
    elif [[ $current == @* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --generate nodes 2>/dev/null)" -- "$current")
    else
        local words=""
        ((COMP_CWORD == 1)) && words="echo store find move get worklist stgcmt serve self-test doctor probe watch compare copy help version"
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; compgen -f -- "$current")
    fi
}
complete -F _dcmscu dcmscu
