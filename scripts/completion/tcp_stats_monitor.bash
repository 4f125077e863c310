# Completion of tcp_stats_monitor for bash. Options, their choices and the fields are asked of the very program that is
# being typed. Works with the package bash-completion and without.

# What `$1 $2` prints, into `answer`; remembered until the program changes.
_tcp_stats_monitor_ask() {
    local path key
    path=$(type -P -- "${1/#\~/$HOME}") || return
    key="$path $2 $(stat -L -c %Y.%s -- "$path" 2>/dev/null)"
    declare -gA _tcp_stats_monitor_answers
    [[ -n ${_tcp_stats_monitor_answers[$key]-} ]] ||
        _tcp_stats_monitor_answers[$key]=$(LC_ALL=C "$path" "$2" 2>/dev/null)
    answer=${_tcp_stats_monitor_answers[$key]}
}

# From the text of --help: takes[OPTION], the name of its value or nothing; long_of[-SHORT]; repeatable[OPTION].
_tcp_stats_monitor_read_help() {
    local line column long=''
    local option='^(-[A-Za-z0-9])?( \[ )?(--[A-Za-z0-9-]+)?( \])?( ([^ ]+))?$'
    while IFS= read -r line; do
        if [[ $line == '  -'* ]]; then
            column=${line:2} column=${column%%  *}
            [[ $column =~ $option ]] || continue
            long=${BASH_REMATCH[3]:-${BASH_REMATCH[1]}}
            takes[$long]=${BASH_REMATCH[6]}
            [[ ${BASH_REMATCH[1]} ]] && long_of[${BASH_REMATCH[1]}]=$long
        fi
        [[ $long && $line == *repeated* ]] && repeatable[$long]=1
    done <<<"$1"
}

# Splits the command up to the cursor as the shell would: `words` are those before the one at the cursor, without
# quotation marks, and `current` is that one. `kept` is the part of it that readline leaves alone: what it replaces begins
# behind an open quotation mark (`quote`), or behind the last character that is among COMP_WORDBREAKS.
_tcp_stats_monitor_split() {
    local text=$1 c i in_word=''
    words=() current='' kept='' quote=''
    for ((i = 0; i < ${#text}; ++i)); do
        c=${text:i:1}
        if [[ $quote && $c == "$quote" ]]; then
            quote=''
        elif [[ $quote ]]; then
            [[ $c == \\ && $quote == '"' && ${text:i+1:1} == [\"\\\$\`] ]] && c=${text:++i:1}
            current+=$c
        elif [[ $c == [$' \t\n'] ]]; then
            [[ $in_word ]] && words+=("$current")
            current='' kept='' in_word=''
        elif [[ $c == [\'\"] ]]; then
            in_word=1 quote=$c kept=$current
        else
            in_word=1
            [[ $c == \\ ]] && c=${text:++i:1} current+=$c && continue
            current+=$c
            [[ $COMP_WORDBREAKS == *"$c"* ]] && kept=$current
        fi
    done
}

# The names of --list-fields (`names`: those without a unit), and those that --field gives on this command line.
_tcp_stats_monitor_fields() {
    local answer='' word previous=''
    _tcp_stats_monitor_ask "$program" --list-fields && awk -v only="${1-}" '
        NR == 1 { unit = index($0, "UNIT") }
        NR > 1 && (only != "names" || substr($0, unit, 1) == " ") { print $1 }' <<<"$answer"
    for word in "${words[@]}"; do
        [[ $previous == --field ]] && word=--field=$word
        [[ $word =~ ^--field=([A-Za-z_][A-Za-z0-9_]*) ]] && printf '%s\n' "${BASH_REMATCH[1]}"
        previous=$word
    done
}

# The states of include/net/tcp_states.h, in the kind of letters that was begun with.
_tcp_stats_monitor_states() {
    local states=(established syn_sent syn_recv fin_wait1 fin_wait2 close close_wait last_ack listen closing)
    [[ $1 == [A-Z]* ]] && states=("${states[@]^^}")
    printf '%s\n' "${states[@]}"
}

_tcp_stats_monitor_processes() {
    local entry
    for entry in /proc/[0-9]*; do
        if [[ $1 == --pid ]]; then
            printf '%s\n' "${entry#/proc/}"
        else
            cat "$entry/comm" 2>/dev/null
        fi
    done | sort -u
}

# Control groups, one level below what was begun.
_tcp_stats_monitor_cgroups() {
    local root=/sys/fs/cgroup entry
    [[ -d $root/unified ]] && root=$root/unified
    for entry in "$root${1%/*}"/*/; do
        entry=${entry%/}
        [[ -d $entry ]] && printf '%s\n' "${entry#"$root"}"
    done
}

# What a condition expects behind the text `$1`: a field, an operator, in, a value or a joint; and of which field a value.
_tcp_stats_monitor_expect() {
    local rest=$1 token list=''
    local pattern='^(==|!=|<=|>=|=|<|>|&&|\|\||[(),!]|"[^"]*"|'\''[^'\'']*'\''|[A-Za-z0-9_.:/%+-]+)'
    expect=field field=''
    while rest=${rest#"${rest%%[! ]*}"} && [[ $rest =~ $pattern ]]; do
        token=${BASH_REMATCH[0]} rest=${rest#"${BASH_REMATCH[0]}"}
        case $expect:$token in
        field:not | field:! | field:\() ;;
        field:*) expect=operator field=$token ;;
        operator:not) expect=in ;;
        operator:and | operator:or | operator:\&\& | operator:\|\|) expect=field ;;
        operator:\)) expect=joint ;;
        operator:* | in:in) expect=value ;;
        value:\() list=1 ;;
        value:*) expect=joint ;;
        joint:\)) list='' ;;
        joint:,) [[ $list ]] && expect=value ;;
        joint:*) expect=field ;;
        esac
    done
}

# The candidates for the last word of the condition `$1`. What stands before it is added to `head`.
_tcp_stats_monitor_condition() {
    local last expect field before
    [[ $1 =~ ([A-Za-z0-9_.:/%+-]+|[=\<\>!]+)?$ ]]
    last=${BASH_REMATCH[0]} before=${1%"${BASH_REMATCH[0]}"}
    _tcp_stats_monitor_expect "$before"
    head+=$before goes_on=1
    case $expect in
    field) mapfile -t candidates < <(_tcp_stats_monitor_fields && printf 'not\n') ;;
    operator) candidates=('==' '!=' '<' '<=' '>' '>=' in 'not in' under and or) ;;
    in) candidates=(in) ;;
    joint) candidates=(and or) ;;
    value)
        goes_on=''
        case $field in
        state | last_state | closed_from) mapfile -t candidates < <(_tcp_stats_monitor_states "$last") ;;
        comm) mapfile -t candidates < <(_tcp_stats_monitor_processes --comm | grep -x '[A-Za-z0-9_.:/%+-]*') ;;
        cgroup_path) mapfile -t candidates < <(_tcp_stats_monitor_cgroups "$last") ;;
        esac
        ;;
    esac
}

# The candidates for the value `$2` of the option `$1`. What stands before the last of a list is added to `head`.
_tcp_stats_monitor_values() {
    local option=$1 value=$2 name=${takes[$1]} listed='' candidate
    if [[ $name == *,... ]]; then
        is_list=1
        [[ $value == *,* ]] && listed=${value%,*}, value=${value##*,}
        head+=$listed
    fi
    case $option:$name in
    --columns:*) mapfile -t candidates < <(_tcp_stats_monitor_fields) ;;
    --group-by:* | --metrics-by:*) mapfile -t candidates < <(_tcp_stats_monitor_fields names) ;;
    --sort:*)
        mapfile -t candidates < <(_tcp_stats_monitor_fields)
        [[ $value == -* ]] && head+=-
        ;;
    --where:*) _tcp_stats_monitor_condition "$value" ;;
    --state:*) mapfile -t candidates < <(_tcp_stats_monitor_states "$value") ;;
    --pid:* | --comm:*) mapfile -t candidates < <(_tcp_stats_monitor_processes "$option") ;;
    --netns:*) mapfile -t candidates < <(compgen -G '/run/netns/*' | sed 's|.*/||') ;;
    --cgroup:*) mapfile -t candidates < <(_tcp_stats_monitor_cgroups "$value") ;;
    --user:*) mapfile -t candidates < <(compgen -u) ;;
    *:FILE) mapfile -t candidates < <(compgen -f -- "$value") && is_file=1 ;;
    *:*\|*) IFS='|' read -r -a candidates <<<"$name" ;;
    esac
    for candidate in "${!candidates[@]}"; do # in a list each is there once
        [[ ,$listed == *,"${candidates[candidate]}",* ]] && unset "candidates[candidate]"
    done
}

# Those options that are not there yet or may be repeated, by their long names.
_tcp_stats_monitor_options() {
    local word option
    for word in "${words[@]}"; do
        [[ $word == -* ]] || continue
        option=${word%%=*}
        option=${long_of[${option:0:2}]-$option}
        [[ ${repeatable[$option]-} ]] || unset "takes[$option]"
    done
    candidates=("${!takes[@]}")
}

_tcp_stats_monitor() {
    local -A takes=() long_of=() repeatable=()
    local IFS=$' \t\n' program=$1 answer='' words current kept quote head='' goes_on='' is_file='' is_list='' candidate previous
    local -a candidates=()
    COMPREPLY=()
    _tcp_stats_monitor_ask "$program" --help || return 0
    _tcp_stats_monitor_read_help "$answer"
    _tcp_stats_monitor_split "${COMP_LINE:0:COMP_POINT}"
    previous=${words[${#words[@]} ? ${#words[@]} - 1 : 0]:--}
    previous=${long_of[$previous]-$previous}
    if [[ ${takes[$previous]-} ]]; then
        _tcp_stats_monitor_values "$previous" "$current"
    elif [[ $current == --*=* ]]; then
        head=${current%%=*}=
        [[ ${takes[${head%=}]-} ]] && _tcp_stats_monitor_values "${head%=}" "${current#*=}"
    elif [[ $current == -[!-]?* && ${long_of[${current:0:2}]-} ]]; then
        head=${current:0:2}
        [[ ${takes[${long_of[$head]}]} ]] && _tcp_stats_monitor_values "${long_of[$head]}" "${current:2}"
    else
        _tcp_stats_monitor_options
    fi
    for candidate in "${candidates[@]}"; do
        [[ $head$candidate == "$current"* ]] || continue
        candidate=$head$candidate candidate=${candidate#"$kept"}
        [[ $quote || $is_file || $candidate != *[!A-Za-z0-9_.:,/%+@=-]* ]] || printf -v candidate %q "$candidate"
        COMPREPLY+=("$candidate")
    done
    [[ $is_file ]] && compopt -o filenames 2>/dev/null
    [[ $is_list ]] && compopt -o nospace 2>/dev/null
    # Readline ends the quotation behind a single candidate; of two that differ in blanks it takes the common part.
    [[ $quote && $goes_on && ${#COMPREPLY[@]} == 1 ]] && COMPREPLY=("${COMPREPLY[0]} " "${COMPREPLY[0]}  ")
    return 0
}

complete -F _tcp_stats_monitor tcp_stats_monitor
