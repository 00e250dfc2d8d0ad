# Prints the completions of zsh at the end of a line, one per line:
#
#     zsh -f completed.zsh DIRECTORY LINE
#
# Completion needs a terminal and an interactive shell. Every completion ends
# with compadd, which is replaced by a function that prints.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; unsetopt zle_bracketed_paste; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D
compadd() {
    if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd \"\$@\"; return; fi
    local -a hits; builtin compadd -A hits \"\$@\"; print -rl -- HIT:\$^hits
}
show() { zle complete-word; print; print END; exit }
zle -N show; bindkey '^I' show; print REA''DY"
zpty -r -m shell seen "*READY*"
zpty -n -w shell "$2"$'\t'
while zpty -r shell line; do
    line=${line//[$'\r\n']/}
    case $line in
    *HIT:*) print -r -- ${line##*HIT:} ;;
    END*) exit 0 ;;
    esac
done
