#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A key that a configuration may have is read by somebody: one that nothing
# outside of config/ looks at would be accepted and then do nothing. Those that
# are meant to be so are listed here, each with its reason; one that is listed
# and read by now fails, too.
#
# What is looked for is the name of the member, so a common one is not told from
# another of its name: this finds what was forgotten, not what is done wrongly.
set -eu
cd "$(dirname "$0")/../.."
bad=0

# STRUCT.MEMBER reason. A key whose feature does not come has to be refused:
# `.later = true` in its row of config/schema.c, or in its word's.
unread='
xpath.xpath          conf_xpaths_hold() evaluates it
xpath.namespaces     conf_xpaths_hold() evaluates it
'

members=$(grep -oE 'AT\(conf_[a-z_]+, [a-z_0-9]+\)' config/schema.c |
	sed 's/AT(conf_\(.*\), \(.*\))/\1.\2/')
for member in $members; do
	listed=$(echo "$unread" | grep -c "^$member " || :)
	read=yes
	grep -rqE --include='*.c' "(\.|->)${member#*.}\b" control health || read=no
	case $read,$listed in
	no,0)
		echo "config/schema.c: $member: nothing but config/ looks at it"
		bad=1
		;;
	yes,1)
		echo "$0: $member is read now: its line is to go, and that in config/unbuilt.c"
		bad=1
		;;
	esac
done
exit $bad
