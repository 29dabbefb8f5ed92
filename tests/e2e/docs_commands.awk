# SPDX-License-Identifier: GPL-2.0-only
#
# Command lines that texts show, one a line: KIND, TAB, FILE:LINE, TAB, the line.
#
#	block	a line of a code block of Markdown, or of an example of a man page
#	span	code in the middle of a text
#
# Whether a line of a block without a prompt is a command is the caller's to say.

# Lines that end in a backslash go on in the next.
function block(line)
{
	sub(/[ \t]+$/, "", line)
	if (held == "")
		held_at = FILENAME ":" FNR
	if (line ~ /\\$/) {
		sub(/\\$/, "", line)
		sub(/^[ \t]+/, "", line)
		held = held line
		return
	}
	if (held != "")
		sub(/^[ \t]+/, "", line)
	printf "block\t%s\t%s\n", held_at, held line
	held = ""
}

# Code in a paragraph may go over the end of a line.
function spans(    text, code)
{
	text = paragraph
	paragraph = ""
	while (match(text, /`[^`]+`/)) {
		code = substr(text, RSTART + 1, RLENGTH - 2)
		text = substr(text, RSTART + RLENGTH)
		gsub(/[ \t]+/, " ", code)
		printf "span\t%s\t%s\n", paragraph_at, code
	}
}

function take(line)
{
	if (paragraph == "")
		paragraph_at = FILENAME ":" FNR
	paragraph = paragraph " " line
}

FNR == 1 {
	spans()
	fence = example = 0
	kind = FILENAME ~ /\.md$/ ? "md" : FILENAME ~ /\.[1-8]$/ ? "man" : "cfg"
}

kind == "md" && /^```/ { fence = !fence; next }
kind == "md" && (fence || /^    |^\t/) { spans(); sub(/^    |^\t/, ""); block($0); next }
kind == "md" && /^$/ { spans(); next }
kind == "md" { take($0); next }

kind == "man" && /^\.Bd -literal/ { example = 1; next }
kind == "man" && /^\.Ed/ { example = 0; next }
kind == "man" && example { gsub(/\\e/, "\\"); gsub(/\\&/, ""); block($0); next }
kind == "man" && /^\.Ql droverd? / {
	sub(/^\.Ql /, "")
	sub(/ [.,;:)]$/, "")
	printf "span\t%s:%d\t%s\n", FILENAME, FNR, $0
}

kind == "cfg" && /^#\t/ { sub(/^#\t/, ""); block($0); next }
kind == "cfg" && /^ *#/ { sub(/^ *#/, ""); take($0); next }

END { spans() }
