# Lines of stdin, completed at their end by a zsh on a terminal of its own (zpty); what it would offer goes to stdout, sorted, a line each.
# $1: the folder of the functions; $2: a folder for what lies between.
zmodload zsh/zpty zsh/zselect
offered=$2/offered
cat >$2/setup <<SETUP
fpath=($1 \$fpath)
autoload -Uz compinit
compinit -u -d $2/dump
zstyle ':completion:*' completer _complete
bindkey -e
compadd() { # what only asks, or fills arrays, is let through; what would be offered is written down
    local -a hits
    if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "\$@"; return; fi
    builtin compadd -A hits "\$@"
    print -rl -- \$hits >>$offered
    (( \$#hits ))
}
ask() { zle complete-word; BUFFER=; print END >>$offered }
zle -N ask
bindkey '^I' ask
print READY >>$offered
SETUP
: >$offered
# $1 stands in what is offered, soon.
await() {
    integer tries=0
    until grep -qx $1 $offered; do
        (( ++tries < 500 )) || { print -u2 "zsh does not answer: $line"; zpty -r z | head; exit 1 }
        zselect -t 2
        while zpty -rt z rest 2>/dev/null; do :; done # or its terminal would be full
    done
}
zpty z "TERM=vt100 PS1= zsh -f -i"
zpty -w z "source $2/setup"
await READY
while IFS= read -r line; do
    : >$offered
    zpty -nw z $line$'\t'
    await END
    grep -vx END $offered | LC_ALL=C sort -u | xargs
done
zpty -d z
