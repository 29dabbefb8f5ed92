# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The demo's results: one JSON object, the table made of it, the verdict. To be
# sourced after show.sh and traffic.sh.
# shellcheck disable=SC2154 # variables of those

# All that was counted and measured, as JSON.
verdict_results() {
	local dir=$LAB_DIR f
	for f in served joined kills marks checks; do
		[ -e "$dir/$f.json" ] || : >"$dir/$f.json"
	done
	traffic_results "$dir/kills.json" "$dir/marks.json" | jq \
		--slurpfile served "$dir/served.json" \
		--slurpfile joined "$dir/joined.json" \
		--slurpfile kills "$dir/kills.json" \
		--slurpfile checks "$dir/checks.json" \
		--arg accel "$LAB_TYPE" '. + ($checks | add) + {
			vms_discovered: [$served[].vm] | unique | length,
			start_to_serving_ms: [$served[].ms],
			kill_to_last_packet_ms:
				[$kills[].kill_to_last_packet_ms],
			join_to_first_request_ms: [$joined[].ms],
			guests: $accel
		}'
}

# What has to hold: name; what it is; condition on the results. A name is the
# field that the table shows.
verdict_rules() {
	jq -c --argjson min "$TRAFFIC_MIN" --argjson open "$TRAFFIC_OPEN" '
		def rule($what; $field; $must; $ok): {$what, $must, $ok,
			value: (.[$field] | if type == "array"
				then map(. * 10 | round / 10 | tostring) | join(", ")
				else tostring end)};
		rule("requests sent"; "requests_sent"; ">= \($min)";
			.requests_sent >= $min),
		rule("  a second"; "requests_per_s"; ">= 30";
			.requests_per_s >= 30),
		rule("  open at once, on average"; "requests_open_mean";
			">= \($open)"; .requests_open_mean >= $open),
		rule("  answered"; "requests_answered"; "adds up";
			.requests_answered + .requests_failed == .requests_sent
			and .requests_logged == .requests_sent),
		rule("  failed with the VM that was killed";
			"requests_failed_on_killed_vm"; ""; null),
		rule("  failed otherwise"; "requests_failed_otherwise"; "0";
			.requests_failed_otherwise == 0),
		rule("    during the drain"; "drain_requests_failed"; "0";
			.drain_requests_failed == 0),
		rule("    during the restart"; "restart_requests_failed"; "0";
			.restart_requests_failed == 0),
		rule("new requests to the drained VM";
			"drained_vm_new_requests"; "0";
			.drained_vm_new_requests == 0),
		rule("downloads complete"; "downloads_complete"; "> 0";
			.downloads_complete > 0),
		rule("  cut with the VM that was killed";
			"downloads_on_killed_vm"; ""; null),
		rule("  broken otherwise"; "downloads_broken"; "0";
			.downloads_broken == 0),
		rule("VMs found"; "vms_discovered"; "4";
			.vms_discovered == 4),
		rule("kill to last packet, ms"; "kill_to_last_packet_ms";
			"< 60"; (.kill_to_last_packet_ms | length > 0
				and max < 60)),
		rule("VM start to first request, ms";
			"join_to_first_request_ms"; ""; null)'
}

# verdict RESULTS: print the table; is all well?
verdict() {
	local what value must ok good=0
	table_head Result '' 'must be'
	while IFS=$'\x1f' read -r what value must ok; do
		row "$what" "$value" "$must" "$ok"
		[ "$ok" != bad ] || good=1
	done < <(verdict_rules <<<"$1" | jq -r '[.what, .value, .must,
		(if .ok == null then "" elif .ok then "ok" else "bad" end)]
		| join("\u001f")')
	echo
	if [ $good = 0 ]; then
		echo "${show_good}All is well: no request and no download failed but on a VM that was killed.$show_off"
	else
		echo "${show_bad}Not good: see what is marked above.$show_off"
		jq -cM '.failures[:10][]' <<<"$1"
	fi
	return $good
}
