# SPDX-License-Identifier: Apache-2.0
# Completion of rf in zsh; the tables above come from the programs.

# Names of models or configurations in rf's folders: _rf_names FOLDER SUFFIX FOLDERS, separated by colons
_rf_names() {
    local program=${commands[rf]} folder file
    reply=()
    for folder in ${(s.:.)3} ${program:+${program:h}/../share/rf/$1} ${program:+${program:h}/../$1} $1; do
        for file in $folder/*.$2(N); do reply+=(${${file:t}%.$2}); done
    done
}

# _rf_offer KINDS...
_rf_offer() {
    local kind
    local -a reply
    for kind; do
        case $kind in
        @dir) _files -/ ;;
        @file) _files ;;
        @model)
            _files
            _rf_names models safetensors "$RF_MODELS"
            compadd -a reply
            ;;
        @config)
            _rf_names configs ini "$RF_CONFIGS"
            compadd -a reply
            ;;
        @command) _rf_commands "${words[3,CURRENT - 1]}" && compadd -- ${=REPLY} ;;
        @key)
            if compset -P 1 '*='; then
                _rf_key_values ${IPREFIX%=} && compadd -- ${=REPLY}
            else
                compadd -S = -- ${=_rf_keys}
            fi
            ;;
        *) compadd -- $kind ;;
        esac
    done
}

_rf() {
    local command=${words[1]:t} option REPLY=
    local -i next=2
    command=${${command#rf}#-}
    while _rf_commands "$command"; do
        if ((next >= CURRENT)); then
            [[ $PREFIX == -* ]] && _rf_options "$command"
            compadd -- ${=REPLY}
            return
        fi
        [[ " $REPLY " == *" ${words[next]} "* ]] || return
        command="${command:+$command }${words[next]}"
        next+=1
    done
    option=${words[CURRENT - 1]}
    if [[ $PREFIX == --*=* ]]; then # --out=DIR
        option=${PREFIX%%=*}
        compset -P 1 '*='
    fi
    if [[ $option == -* ]] && _rf_option_values "$command $option"; then
        _rf_offer ${=REPLY}
    elif [[ $option == --*.* ]] && _rf_key_values "${option#--}"; then
        compadd -- ${=REPLY}
    elif [[ $PREFIX == --*.* ]]; then # any key as an option
        _rf_options "$command" && [[ " $REPLY " == *" --set "* ]] && compadd -- --${^=_rf_keys}
    elif [[ $PREFIX == -* ]]; then
        _rf_options "$command" && compadd -- ${=REPLY}
    else
        _rf_words "$command" && _rf_offer ${=REPLY}
    fi
}

if [ "$funcstack[1]" = _rf ]; then
    _rf "$@"
else
    compdef _rf rf rf-train rf-eval rf-detect rf-export rf-data rf-bench
fi
