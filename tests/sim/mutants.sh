#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Break each rule of the handover on purpose, and see the model notice.
#
#	mutants.sh [NAME…]	(default: all)
#
# A mutant is the packet path and table building with one rule changed by sed,
# in a copy. It counts as caught when test_handover fails on it; it is an error
# when sed changes nothing, when the copy does not compile, and when the
# unchanged code fails. Two at a time.
set -eu

source=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
flows=${DROVER_MUTANT_FLOWS:-2000000}
work=$(mktemp -d "${TMPDIR:-/tmp}/drover-mutants.XXXXXX")
trap 'rm -rf "$work"' EXIT
running=0
started=0
survived=0

# name | what is broken (file, sed script; several with ;;)
mutants() {
	cat <<'END'
opener_refused_to_current | core/pick.h s/pick.refused_backend = base;/pick.refused_backend = current;/
opener_to_base | core/pick.h s/kind == FLOW_OTHER || (kind/kind != FLOW_UDP || (kind/
other_to_current | core/pick.h s/if (kind == FLOW_OTHER || (kind/if ((kind/
entry_not_asked_in_settling | core/pick.h s/if (entry \&\& !over) {/if (entry \&\& !over \&\& (current != base || slot \& SLOT_MOVING)) {/
no_insert_in_claiming | core/pick.h s/if (current == base \&\& !(slot \& SLOT_MOVING)) {/if (current == base) {/
closing_entry_not_replaced | core/pick.h s/kind == FLOW_OPENER \&\& flow_closing(entry)/false/
unasked_entry_confirmed | core/pick.h s/FLOW_EMBRYONIC : FLOW_UNCONFIRMED, 0)/FLOW_EMBRYONIC : FLOW_EMBRYONIC, 0)/
confirmed_is_evicted | core/pick.h s/return RANK_NEVER;/return RANK_UNCONFIRMED;/
needed_unconfirmed_is_evicted | core/pick.h s/^\t* *RANK_KEPT;/RANK_UNCONFIRMED;/
unconfirmed_fill_the_line | core/pick.h s/n_counted >= UNCONFIRMED_PER_LINE/n_counted > FLOWS_PER_LINE/
eviction_not_noted | core/pick.h s/if (owner.live)$/if (false)/
refusal_not_noted | core/pick.h s/!slot_refuse(t, e, q->index, now_tick)/false/
one_fin_shortens | core/flow.h s/(meta \& FLOW_FINS) == FLOW_FINS/(meta \& FLOW_FINS)/
rst_ends_entry | core/flow.h s/if (!from_client \&\& class == FLOW_UNCONFIRMED)/if (true)/
rst_not_taken_back | core/flow.h s/meta \&= ~FLOW_RST;//
old_fin_kept | core/flow.h s/meta \&= ~FLOW_FINS;//
never_confirmed | core/flow.h s/class == FLOW_EMBRYONIC \&\& !(tcp_flags \& TCP_SYN)/false/
opener_leaves_unconfirmed | core/flow.h s/class == FLOW_UNCONFIRMED \&\& tcp_opens(tcp_flags)/false/
life_a_tick_short | core/state.h s/>> TICK_SHIFT) + 2)/>> TICK_SHIFT) + 1)/
claim_skipped | slots.h s/TICKS_OF_MS(1000)/0/
settled_too_early | slots_state.h s/return SLOTS_CLOCK_TICKS(idle);/return SLOTS_CLOCK_TICKS(idle) \/ 2;/
clock_not_started | slots.c /^void slot_leave/,/^}/s/^\tslot_clock_start(s, p, i);// ;; slots_plan.c s/^\t*slot_clock_start(s, p, i);/if (slot_state(word) == SLOT_STEADY) slot_clock_start(s, p, i);/
refusals_ignored | slots_step.c s/return refused_tick ?/return false \&\& refused_tick ?/
udp_clock_skipped | slots_step.c s/clock_end(clock, refused_tick, udp_ticks)/clock->since_tick/
turned_back_is_steady | slots.c s/slot_make(owner, owner, SLOT_TRACKED)/slot_make(owner, owner, 0)/
base_follows_current | slots_plan.c s/slot_make(owner, base, word \& SLOT_MARKS)/slot_make(owner, slot_current(word), word \& SLOT_MARKS)/
crash_sets_both_fields | slots_plan.c s/if (base != gone)$/if (false)/
held_forgets_base | slots.c /^void slot_leave/,/^}/s/slot_base(slot_get(s, p, i))/owner/
held_is_claimed | slots_plan.c s/slot_leave(s, p, i, owner);/slot_hand_on(s, p, i, owner);/
crash_clears_marks | slots_plan.c s/else if (word \& SLOT_TRACKED)/else if (false)/
steady_with_entries | slots_sweep.c s/if (bit_get(p->seen, i))/if (false)/
needed_entry_dropped | slots_sweep.c s/return flow_backend(view->meta) != slot_current(word) ||/return/
moving_entry_dropped | slots_sweep.c s/case SLOT_IS_MOVING:/case SLOT_IS_MOVING: if (flow_backend(view->meta) == slot_current(word)) return false; return true;/
stale_entry_kept | slots_sweep.c s/case SLOT_STEADY:/case SLOT_STEADY: return true;/ ;; slots_sweep.c s/if (bit_get(p->seen, i))/if (false)/
drained_with_entries | slots_sweep.c s/maybe_quiet \&\& !name->n_found/maybe_quiet/
number_and_generation | core/flow.h s/BACKEND_GENERATION(word) == flow_generation(meta)/true/ ;; slots_use.c s/s->names\[backend\].quiet_dead/s->names[backend].n_named == 0/ ;; slots_sweep.c s/maybe_quiet \&\& !name->n_found/maybe_quiet/
grown_by_the_middle | slots_range.c s/for (c = i \* n_children; c < (i + 1) \* n_children; c++) {/for (c = i; c < to->n_slots; c += from->n_slots) {/
grown_without_marks | slots_range.c s/word = slot_get(s, from, i);/word = slot_get(s, from, i) \& ~SLOT_TRACKED;/
unknown_clock_is_over | slots.c s/if (!clock->since_tick ||/if (false \&\&/
END
}

# Compile a tree into $1/test_handover.
build() {
	local tree=$1 f objects=()

	for f in "$tree"/dataplane/{maglev,slots*}.c; do
		objects+=("$f.o")
		${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O1 -w -I"$tree" \
			-include "$tree/tests/sim/kill_point.h" -c "$f" -o "$f.o"
	done
	${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O1 -w -I"$tree" \
		"$tree"/tests/sim/{test_handover,clients,kill,world}.c \
		"${objects[@]}" -o "$tree/test_handover"
}

copy() {
	mkdir -p "$1/dataplane/core" "$1/tests/sim"
	cp "$source"/dataplane/*.[ch] "$1/dataplane"
	cp "$source"/dataplane/core/*.h "$1/dataplane/core"
	cp "$source"/tests/sim/*.[ch] "$1/tests/sim"
}

try() { # name, edits
	local name=$1 edits=$2 tree=$work/$1 edit file

	copy "$tree"
	while [ -n "$edits" ]; do
		edit=${edits%% ;; *}
		[ "$edit" = "$edits" ] && edits= || edits=${edits#* ;; }
		file=$tree/dataplane/${edit%% *}
		cp "$file" "$tree/before"
		sed -i "${edit#* }" "$file"
		if cmp -s "$file" "$tree/before"; then
			echo "$name: ${edit%% *} has no such line"
			return 1
		fi
	done
	build "$tree" || { echo "$name: does not compile"; return 1; }
	if timeout 600 "$tree/test_handover" --flows "$flows" --first >"$tree/out"; then
		echo "$name: SURVIVED $flows flows"
		return 1
	fi
	printf '%-32s caught: %s\n' "$name" \
		"$(grep -m 1 ^history "$tree/out" || tail -n 1 "$tree/out")"
	rm -rf "$tree"
}

copy "$work/none"
build "$work/none"
"$work/none/test_handover" --flows 60000 >/dev/null ||
	{ echo "the unchanged code fails"; exit 1; }

reap() {
	wait -n || survived=$((survived + 1))
	running=$((running - 1))
}

mutants >"$work/list"
while IFS='|' read -r name edits; do
	name=${name%% *}
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	[ $running -lt 2 ] || reap
	try "$name" "${edits# }" &
	running=$((running + 1))
	started=$((started + 1))
done <"$work/list"
while [ $running -gt 0 ]; do
	reap
done

echo "mutants: $((started - survived)) caught, $survived not"
[ "$started" -gt 0 ] && [ "$survived" = 0 ]
