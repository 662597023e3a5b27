# SPDX-License-Identifier: Apache-2.0
# Completion of rf in bash; the tables above come from the programs. Bash cuts words at "=", so that a setting is three words.

# Names of models or configurations in rf's folders: _rf_names FOLDER SUFFIX FOLDERS, separated by colons
_rf_names() {
    local program folder file IFS=:
    program=$(type -P rf) || program=
    for folder in $3 ${program:+"${program%/*}/../share/rf/$1"} ${program:+"${program%/*}/../$1"} "$1"; do
        for file in "$folder"/*."$2"; do
            [ -e "$file" ] && file=${file##*/} && printf '%s\n' "${file%."$2"}"
        done
    done
}

# Adds to COMPREPLY what begins with the word: _rf_add WORD CANDIDATE...
_rf_add() {
    local word=$1 candidate
    shift
    for candidate; do
        [ "${candidate#"$word"}" = "$candidate" ] && [ -n "$word" ] || COMPREPLY+=("$candidate")
    done
}

_rf_add_lines() { # _rf_add_lines: each line of the input
    local line
    while IFS= read -r line; do COMPREPLY+=("$line"); done
}

# _rf_offer WORD KINDS...
_rf_offer() {
    local word=$1 kind
    shift
    for kind; do
        case "$kind" in
        @dir)
            compopt -o filenames
            _rf_add_lines < <(compgen -d -- "$word")
            ;;
        @file)
            compopt -o filenames
            _rf_add_lines < <(compgen -f -- "$word")
            ;;
        @model)
            compopt -o filenames
            _rf_add_lines < <(compgen -f -- "$word")
            # shellcheck disable=SC2046
            _rf_add "$word" $(_rf_names models safetensors "$RF_MODELS")
            ;;
        @config)
            # shellcheck disable=SC2046
            _rf_add "$word" $(_rf_names configs ini "$RF_CONFIGS")
            ;;
        @command)
            # shellcheck disable=SC2086
            _rf_commands "${COMP_WORDS[*]:2:COMP_CWORD-2}" && _rf_add "$word" $REPLY
            ;;
        @key)
            compopt -o nospace
            # shellcheck disable=SC2086
            _rf_add "$word" $(printf '%s= ' $_rf_keys)
            ;;
        *) _rf_add "$word" "$kind" ;;
        esac
    done
}

_rf_complete() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path=${COMP_WORDS[0]##*/} option="" value="" i next=1
    local REPLY=""
    COMPREPLY=()
    path=${path#rf}
    path=${path#-}
    # Commands first: rf data synth.
    while _rf_commands "$path"; do
        if [ "$next" -ge "$COMP_CWORD" ]; then
            # shellcheck disable=SC2086
            case "$word" in
            -*) _rf_options "$path" && _rf_add "$word" $REPLY ;;
            *) _rf_add "$word" $REPLY ;;
            esac
            return
        fi
        case " $REPLY " in *" ${COMP_WORDS[next]} "*) ;; *) return ;; esac
        path="${path:+$path }${COMP_WORDS[next]}"
        next=$((next + 1))
    done
    # Which option's value the word belongs to, and the key when that is a setting.
    if [ "$word" = "=" ]; then
        word=""
        i=$((COMP_CWORD - 1))
    elif [ "$before" = "=" ]; then
        i=$((COMP_CWORD - 2))
    else
        i=$COMP_CWORD
    fi
    if [ "$i" -lt "$COMP_CWORD" ]; then
        option=${COMP_WORDS[i]}
        if _rf_key_values "${option#--}"; then # --set KEY=, or --KEY=
            # shellcheck disable=SC2086
            _rf_add "$word" $REPLY
            return
        fi
    else
        option=$before
        [ "$word" = "--" ] || case "$option" in
        --*.*)
            if _rf_options "$path" && [ "${REPLY#*--set}" != "$REPLY" ] && _rf_key_values "${option#--}"; then
                # shellcheck disable=SC2086
                _rf_add "$word" $REPLY
                return
            fi
            ;;
        esac
    fi
    case "$option" in
    -*)
        if _rf_option_values "$path $option"; then
            # shellcheck disable=SC2086
            _rf_offer "$word" $REPLY
            return
        fi
        ;;
    esac
    case "$word" in
    --*.*) # any key as an option
        # shellcheck disable=SC2086
        _rf_options "$path" && [ "${REPLY#*--set}" != "$REPLY" ] && _rf_add "$word" $(printf -- '--%s ' $_rf_keys)
        ;;
    -*)
        # shellcheck disable=SC2086
        _rf_options "$path" && _rf_add "$word" $REPLY
        ;;
    *)
        # shellcheck disable=SC2086
        _rf_words "$path" && _rf_offer "$word" $REPLY
        ;;
    esac
}

complete -F _rf_complete rf rf-train rf-eval rf-detect rf-export rf-data rf-bench
