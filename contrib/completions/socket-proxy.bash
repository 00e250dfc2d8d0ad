# Made from src/config/options.rs by scripts/generate. Do not edit.

_socket_proxy() {
    local word=${COMP_WORDS[COMP_CWORD]} flag='' source=()
    COMPREPLY=()
    # `=` is a word of its own in bash.
    if [ "$word" = = ]; then
        word='' flag=${COMP_WORDS[COMP_CWORD - 1]}
    elif [ "$COMP_CWORD" -gt 2 ] && [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
        flag=${COMP_WORDS[COMP_CWORD - 2]}
    elif [ "${word#-}" = "$word" ]; then
        flag=${COMP_WORDS[COMP_CWORD - 1]}
    fi
    flag=${flag#-} flag=${flag#-}
    case ${flag%%@*} in
        '')
            source=(-W '-allowfrom= -allow= -deny= -learn= -allowGET= -allowHEAD= -allowPOST= -allowPUT= -allowPATCH= -allowDELETE= -allowCONNECT= -allowTRACE= -allowOPTIONS= -allowbindmountfrom= -bindmountsexact -targetlabel= -hideenv -safecreate -safecreateallow= -allowimage= -maxmemory= -maxcpus= -maxpids= -compat= -listenip= -proxyport= -proxysocketendpoint= -proxysocketendpointfilemode= -listen= -socketpath= -waitforsocket= -watchdoginterval= -stoponwatchdog -allowhealthcheck -metrics= -proxycontainername= -dockerlabelprefix= -allowlabelgrants -maxconnections= -maxconnectionsperclient= -headertimeout= -idletimeout= -shutdowngracetime= -loglevel= -logjson -healthcheck -presets -check= -lint -suggest= -format= -version -h') ;;
        learn)
            source=(-W 'reads all') ;;
        allowbindmountfrom)
            source=(-d) ;;
        bindmountsexact | hideenv | safecreate | stoponwatchdog | allowhealthcheck | allowlabelgrants | logjson)
            source=(-W 'true false') ;;
        compat)
            source=(-W 'tecnativa tecnativa-next linuxserver') ;;
        proxysocketendpoint | socketpath | suggest)
            source=(-f) ;;
        loglevel)
            source=(-W 'DEBUG INFO WARN ERROR') ;;
        format)
            source=(-W 'flags variables compose labels') ;;
        *)
            return ;;
    esac
    local line
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(compgen "${source[@]}" -- "$word")
    case ${COMPREPLY[0]-} in
        -*=) compopt -o nospace 2>/dev/null ;;
        -*) ;;
        *) compopt -o filenames 2>/dev/null ;;
    esac
}
complete -F _socket_proxy socket-proxy
