# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # root, started: scripts/test's
#
# What the tests have said, counted and shown: the reading half of scripts/test,
# which sets $root (the builds) and $started. To be sourced.
#
#	head1 WORD…         a heading
#	problem N WHAT      N more tests failed
#	report BUILD LOG    count what meson wrote into a log, show what failed
#	to_retry LOG        names of tests to be tried once more
#	evidence            keep what a long run has proven
#	finish              the verdict, and the last line

passed=0 failed=0 skipped=0
problems=() # one line each, for the end
retried=()  # likewise: what did not pass at once
declare -A allowed=() # skips that may be: a dot for each
ended=

head1() {
	printf '\n== %s\n' "$*"
}

problem() { # how many tests, what
	failed=$((failed + $1))
	problems+=("$2")
}

# The verdict; always the last thing that is printed.
finish() {
	local took=$((SECONDS - started))

	[ -z "$ended" ] || return
	ended=1
	[ $((passed + failed)) -gt 0 ] || problem 1 "no test ran"
	head1 "verdict after $((took / 60)) min $((took % 60)) s"
	if [ $failed = 0 ]; then
		echo "All is well."
	else
		echo "Not good:"
		printf '  %s\n' "${problems[@]}"
	fi
	[ ${#retried[@]} = 0 ] || {
		echo "At the second try, by itself (why it failed before is a mistake to be found):"
		printf '  %s\n' "${retried[@]}"
	}
	[ $skipped = 0 ] ||
		echo "$skipped skipped, for reasons that tests/skips lists"
	echo "$passed passed, $failed failed"
}

# For jq: a test's lines, and why it failed: the first line that says so, of a
# script or else of a program, or its last line.
# shellcheck disable=SC2016 # jq expands
reason='
	def lines: split("\n") | map(select(. != ""));
	def reason: (.stderr + "\n" + .stdout | lines) as $lines
		| [$lines[] | (scan("^(?:FAILED|FAIL|demo): (.*)"),
			scan("^((?:NOT CAUGHT|does not compile|changes nothing): .*)"),
			scan("^(.*: SURVIVED .*)")) | .[0]]
		+ [$lines[] | (scan("ERROR: ([A-Z].*Sanitizer: .*)"),
			scan("^(.*: runtime error: .*)"),
			scan("\\[ +ERROR +\\] --- (.*)")) | .[0]]
		+ $lines[-1:]
		| .[0] // "it says nothing" | .[:200];'

# One line a test: name, result, cases passed, failed, skipped, why it failed,
# why it was skipped (its last words; for cases: their names).
results() {
	jq -r "$reason"'
		def count(word): [scan("\\[  " + word + " *\\] ([0-9]+) test")
			| .[0] | tonumber] | add // 0;
		(.stdout + "\n" + .stderr) as $out
		| ($out | count("PASSED")) as $ok
		| ($out | count("FAILED")) as $bad
		| ($out | count("SKIPPED")) as $left
		| [
			(.name | sub("^.* / "; "")), .result,
			(if .result == "OK" and $ok + $left == 0 then 1 else $ok end),
			$bad, $left, reason,
			(if .result == "SKIP"
			 then $out | rtrimstr("\n") | split("\n")
				| map(select(. != "")) | last // "no reason given"
			 else [$out | scan("\\[  SKIPPED \\] ([a-zA-Z_][\\w:]*)") | .[0]]
				| unique | join(" ")
			 end)
		] | map(tostring | gsub("\t"; " ")) | join("\t")' "$1"
}

# skip BUILD NAME REASON: is it one that may be?
skip() {
	local pattern why

	while IFS=: read -r pattern why; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $pattern == '#'* || $2 != $pattern ]] || break
		why=
	done <tests/skips
	if [ -n "$why" ]; then
		skipped=$((skipped + 1))
		allowed["$pattern:$why"]+=.
	else
		problem 1 "$2 ($1): skipped, and tests/skips does not name it: $3"
	fi
}

# What failed said: why, and the end of it.
show_failures() {
	jq -r "$reason"'
		select(.result | IN("OK", "SKIP", "EXPECTEDFAIL") | not)
		| "-- \(.name | sub("^.* / "; "")): \(.result) after \(.duration | floor) s, "
			+ "exit \(.returncode): \(reason)",
			"   " + (.command | join(" ")),
			((.stdout, .stderr) | . // "" | lines[-40:][] | "   | " + .)' "$1"
}

# What --long proves, to be kept: which commit, where, and what its tests said.
evidence() {
	local build
	{
		echo "# scripts/test --long, $(date -u +%Y-%m-%dT%H:%MZ)"
		echo "# commit $(git describe --always --dirty --abbrev=12 2>/dev/null)"
		echo "# Linux $(uname -r), $(nproc) CPUs"
		echo "# $passed passed, $failed failed, $skipped skipped"
		for build in gcc clang; do
			jq -r --arg build "$build" 'select(.name | test("[+]long "))
				| "\n== \(.name | sub("^.* / "; "")) (\($build)): \(.result)"
					+ ", \(.duration | round) s",
				((.stdout + "\n" + .stderr) | split("\n")
					| map(select(. != "")) | .[-15:][])' \
				"$root/$build/meson-logs/testlog.json" 2>/dev/null
		done
	} >"$root/long.log"
	echo "to be kept as docs/evidence/long.log: $root/long.log"
}

# Names of what needs the kernel or VMs and failed: a few of them.
to_retry() {
	jq -rs '[.[] | select(.result | IN("OK", "SKIP", "EXPECTEDFAIL") | not).name
			| select(test("(e2e|vm)[+]")) | sub("^.* / "; "")]
		| select(length <= 3)[]' "$1" 2>/dev/null
}

# passed_again BUILD NAME: did it pass at the second try?
passed_again() {
	jq -es --arg name "$2" 'any(.[]; .result == "OK" and (.name | endswith(" / " + $name)))' \
		"$root/$1/meson-logs/again.json" >/dev/null 2>&1
}

# report BUILD LOG: count what its tests have said, show what failed.
report() {
	local build=$1 log=$root/$1/meson-logs/$2.json
	local name result ok bad left said why case

	[ -s "$log" ] || {
		problem 1 "$build: no test ran"
		return
	}
	while IFS=$'\t' read -r name result ok bad left said why; do
		passed=$((passed + ok))
		case $result in
		OK | EXPECTEDFAIL) ;;
		SKIP)
			skip "$build" "$name" "$why"
			continue
			;;
		*)
			if [ "$2" = testlog ] && passed_again "$build" "$name"; then
				passed=$((passed + (ok + bad > 0 ? ok + bad : 1)))
				retried+=("$name ($build): $result: $said")
			else
				problem $((bad > 0 ? bad : 1)) "$name ($build): $result: $said"
			fi
			;;
		esac
		[ "$left" = 0 ] || for case in $why; do
			skip "$build" "$name/$case" "the program says so"
		done
	done < <(results "$log")
	for name in "${!allowed[@]}"; do
		echo "skipped, ${#allowed[$name]} of $name"
	done
	allowed=()
	show_failures "$log"
}
