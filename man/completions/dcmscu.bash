# bash completion for dcmscu, made by "dcmscu --generate bash"
_dcmscu() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    # "--option=value" arrives as three words.
    if [[ $current == "=" ]]; then
        current=""
    elif [[ $previous == "=" ]] && ((COMP_CWORD > 1)); then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    COMPREPLY=()
    case $previous in
        -H|--hostname) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current"); return ;;
        -p|--port) return ;;
        --call) return ;;
        --aetitle) return ;;
        -i|--input) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --priority) mapfile -t COMPREPLY < <(compgen -W "low medium high" -- "$current"); return ;;
        --wait) return ;;
        --root-uid) return ;;
        -k|--key) compopt -o nospace; mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --generate keywords 2>/dev/null)" -- "$current"); return ;;
        --return) compopt -o nospace; mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --generate keywords 2>/dev/null)" -- "$current"); return ;;
        --format) mapfile -t COMPREPLY < <(compgen -W "text json jsonl" -- "$current"); return ;;
        --limit) return ;;
        --charset) return ;;
        --store-query) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        -o|--output) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        --port-scp) return ;;
        --bind) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current"); return ;;
        --move-destination) return ;;
        --name) return ;;
        --if-exists) mapfile -t COMPREPLY < <(compgen -W "skip overwrite rename fail" -- "$current"); return ;;
        --grace) return ;;
        --connect-timeout) return ;;
        --timeout) return ;;
        --max-pdu) return ;;
        -L|--log-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --fail-on) mapfile -t COMPREPLY < <(compgen -W "failure warning" -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "
            --echo --store --find --move --get --worklist --stgcmt --hostname --port --call --aetitle --input
            --recursive --priority --wait --root-uid --key --return --patientroot --studyroot --psonly
            --patient --study --series --image --format --limit --charset --store-query --output --port-scp
            --bind --move-destination --name --if-exists --grace --connect-timeout --timeout --max-pdu
            --verbose --debug --warning --error --log-file --fail-on --help --version --queryhelp
            " -- "$current")
    else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}
complete -F _dcmscu dcmscu
