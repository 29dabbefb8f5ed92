# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of drover(1) in bash: commands and options from its help, names
# from the daemon.

# COMMAND...: names in the first column of a listing, long and short.
_drover_names() {
	drover "$@" --wide 2>/dev/null |
		awk 'NR > 1 { print $1; if (sub(".*/", "", $1)) print $1 }'
}

_drover() {
	local current=${COMP_WORDS[COMP_CWORD]} command='' word words=''

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		-*) ;;
		*)
			command=$word
			break
			;;
		esac
	done
	if [ -z "$command" ] && [[ $current != -* ]]; then
		words=$(drover --help | sed -n '/^commands:/,/^$/ s/^  \([a-z]*\) .*/\1/p')
	elif [[ $current == -* ]]; then
		words=$(drover ${command:+"$command"} --help |
			sed -n 's/^  \(-., \)\?\(--[a-z-]*\).*/\2/p')
	else
		case $command in
		vms | drain | undrain | weight | tag) words=$(_drover_names vms --all) ;;
		pools) words=$(_drover_names pools) ;;
		services | explain | trace) words=$(_drover_names services) ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _drover drover
