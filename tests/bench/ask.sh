# Give one driver to the gate as a user would, and answer in the words of a folder of leaks: 0 no leak, 1 leak, 2 inconclusive, 4 error.
gate=$1 driver=$2
shift 2
set -- measure "$driver:step" "$@"
grep -q "^def setup" "$driver" && set -- "$@" --setup "$driver:setup"
told=$("$gate" "$@" 2>&1)
code=$?
echo "DETAIL $(echo "$told" | head -n 1)"
case $code in 3) exit 2 ;; 2) exit 4 ;; *) exit $code ;; esac
