#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Probes that speak under the real droverd: HTTPS with real certificates, good and
# bad, and datagrams. Who serves follows them, and is told why. Whatever web-1
# does, web-2 serves: no request fails.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

pki=$dir/pki
name=shop.example

# certificate FILE NAME [WHEN SIGNER]: a key and a certificate for a day of then.
certificate() {
	local file=$pki/$1 signer=$pki/${4:-ca}
	openssl req -newkey rsa:2048 -nodes -keyout "$file.key" -out "$file.csr" \
		-subj "/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
	faketime "${3:-now}" openssl x509 -req -in "$file.csr" -days 2 \
		-CA "$signer.pem" -CAkey "$signer.key" -CAcreateserial \
		-copy_extensions copy -out "$file.crt" 2>/dev/null
	cat "$file.crt" "$file.key" >"$file.pem"
}

authority() { # FILE NAME
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" \
		-keyout "$pki/$1.key" -out "$pki/$1.pem" 2>/dev/null
}

# secure NUMBER FILE: a web server there, with that certificate.
secure() {
	[ -z "${server[$1]:-}" ] || kill "${server[$1]}" 2>/dev/null || :
	ip netns exec "$net-v$1" socat \
		"OPENSSL-LISTEN:443,reuseaddr,fork,verify=0,cert=$pki/$2.pem" \
		"SYSTEM:$dir/answer $1" 2>/dev/null &
	server[$1]=$!
	pids+=("${server[$1]}")
}

# One that has the right certificate only for who asks by the right name.
by_name() { # number, file, name, file for others
	kill "${server[$1]}" 2>/dev/null || :
	(
		cd "$dir/www" || exit
		exec ip netns exec "$net-v$1" openssl s_server -accept 443 -WWW \
			-cert "$pki/$4.pem" -key "$pki/$4.pem" \
			-servername "$3" -cert2 "$pki/$2.pem" \
			-key2 "$pki/$2.pem" >/dev/null 2>&1
	) &
	server[$1]=$!
	pids+=("${server[$1]}")
}

# health KEYS: of the pool. The servers are shells behind socat, so an answer may
# take a while.
health() {
	node_conf
	sed -i "s|health = { port = 80;|panic_threshold = 0; health = { $1|;
		s|timeout = \"300ms\"|timeout = \"490ms\"|" "$conf"
	expect 0 drover reload
}

becomes() { # number, role, text of why
	until_ok 30 is_because "$@" || {
		drover vms "web-$1" >&2
		die "web-$1 is not $2 because of \"$3\""
	}
}

is_because() {
	in_role "$2" "$1" && says "$1" "$3"
}

says() {
	[[ $(drover vms "web-$1" --json | jq -r '.data.pools[0].why') == *"$2"* ]]
}

for tool in openssl socat faketime; do
	command -v $tool >/dev/null || skip "needs $tool"
done
server=()
# shellcheck disable=SC2034 # read by node_conf
probe=500ms
mkdir "$pki" "$dir/www"
echo fine >"$dir/www/ready"
authority ca test.ca
authority stranger other.ca
certificate good $name
certificate other bank.example
certificate old $name '-10 days'
certificate strange $name now stranger
cat >"$dir/answer" <<-END
	#!/bin/sh
	while read -r line && [ "\$line" != "\$(printf '\\r')" ]; do
		echo "\$line" >>"$dir/asked.new.\$\$"
	done
	mv "$dir/asked.new.\$\$" "$dir/asked.\$1" 2>/dev/null
	printf 'HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n' "\$(cat "$dir/status.\$1")"
END
chmod +x "$dir/answer"
echo '204 No Content' | tee "$dir/status.1" >"$dir/status.2"
node_up 2
load_start load "$vip" 80 2 2 0 0
secure 1 good
secure 2 good

say "HTTPS, verified: path, Host and SNI as configured"
https="type = \"https\"; port = 443; path = \"/ready\"; host = \"www.$name\"; sni = \"$name\"; ca_file = \"$pki/ca.pem\";"
health "$https"
becomes 1 serving 'https 10.9.0.11:443: HTTP 204 in '
becomes 2 serving 'https 10.9.0.12:443: HTTP 204 in '
tr -d '\r' <"$dir/asked.1" | grep -qx 'GET /ready HTTP/1.1' ||
	die "$(cat "$dir/asked.1")"
tr -d '\r' <"$dir/asked.1" | grep -qx "Host: www.$name" ||
	die "$(cat "$dir/asked.1")"
by_name 1 good $name other
becomes 1 serving 'https 10.9.0.11:443: HTTP 200 in '

say "certificates that won't do, each by its name"
secure 1 other
becomes 1 leaving 'TLS: certificate is for another name'
secure 1 old
becomes 1 leaving 'TLS: certificate has expired'
secure 1 strange
becomes 1 leaving 'TLS: certificate is by an unknown signer'
expect 0 drover vms web-1
has 'by an unknown signer' "$out"
in_role serving 2 || die "web-2 went, too"

say "a status that is none of those wanted"
secure 1 good
becomes 1 serving ': HTTP 204 in '
echo '503 Service Unavailable' >"$dir/status.1"
becomes 1 leaving 'HTTP 503, wanted 200 to 299'
health "$https status = [ 204, 503 ];"
becomes 1 serving ': HTTP 503 in '
becomes 2 serving ': HTTP 204 in '

say "without verify any certificate will do, also over the data path"
secure 1 strange
becomes 1 leaving 'by an unknown signer'
health "$https verify = false; status = [ 204, 503 ];"
becomes 1 serving ': HTTP 503 in '
health "$https verify = false; status = [ 204, 503 ]; via = \"path\";"
until_ok 20 eval 'drover vms web-1 --json |
	jq -e ".data.pools[0].health | .via == \"path\" and .probes > 2"' ||
	die "$(drover vms web-1)"
becomes 1 serving 'https 10.9.0.11:443: HTTP 503 in '

say "datagrams: an answer, another one, none, a port that is not there"
datagrams() { # number
	ip netns exec "$net-v$1" socat UDP-RECVFROM:53,fork,reuseaddr \
		"SYSTEM:cat $dir/reply.$1" 2>/dev/null &
	pids+=($!)
}
printf '\0\1ok' | tee "$dir/reply.1" >"$dir/reply.2"
datagrams 2
health 'type = "udp"; port = 53; send_hex = "00 01 6f 6b 0a"; expect_hex = "00 01 6f";'
becomes 1 leaving 'udp 10.9.0.11:53: port unreachable'
datagrams 1
becomes 1 serving 'udp 10.9.0.11:53: answered as expected in '
becomes 2 serving 'udp 10.9.0.12:53: answered as expected in '
echo no >"$dir/reply.1"
becomes 1 leaving 'answer "no" does not have "..o"'
rm "$dir/reply.1"
becomes 1 leaving 'udp 10.9.0.11:53: no answer in 490 ms'
printf '\0\1ok' >"$dir/reply.1"
becomes 1 serving 'answered as expected'
load_end load

say "datagrams where the host has no address: over the data path"
by_path() {
	drover vms web-1 --json |
		jq -e '.data.pools[0].health | .via == "path" and .state == "up"' >/dev/null
}
ns_node ip addr del 10.9.0.1/24 dev br0
until_ok 20 by_path || die "$(drover vms web-1)"
echo no >"$dir/reply.1"
becomes 1 leaving 'answer "no" does not have "..o"'
printf '\0\1ok' >"$dir/reply.1"
becomes 1 serving 'answered as expected'
by_path || die "$(drover vms web-1)"
say "done"
