/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with the syntax of a file. The parser says only "syntax error"
 * and a line, which is where it noticed, not where somebody slipped. Here the
 * text is read once more, as words and signs, up to the first that cannot be
 * where it is.
 *
 * DOC: what may follow
 *
 *	in a group	key = value ; key = value ...
 *	in a list	value , value ...
 *
 * where a value is a string, a number, true, false, or opens a group or list.
 * Strings that follow each other are one. Separators in a group may be left
 * out.
 */
#include "config/syntax.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

enum token_kind {
	TOKEN_END,
	TOKEN_STRING,
	TOKEN_OPEN_STRING, /* without an end */
	TOKEN_NUMBER,
	TOKEN_WORD,
	TOKEN_SIGN, /* one of { } ( ) [ ] = : ; , or anything else */
};

struct token {
	enum token_kind kind;
	const char *text;
	size_t length;
	uint32_t line;
};

/* What the next token has to be. */
enum expected {
	EXPECT_KEY,
	EXPECT_EQUALS,
	EXPECT_VALUE,
	EXPECT_SEPARATOR,
};

/**
 * struct scan - a text being read.
 * @at: where.
 * @line: of @at.
 * @open: brackets that are open, and their lines.
 * @expected: what has to come.
 * @last: the last token.
 */
struct scan {
	const char *at;
	uint32_t line;
	struct {
		char sign;
		uint32_t line;
	} open[DEPTH_MAX];
	size_t depth;
	enum expected expected;
	struct token last;
};

/* Blanks and comments. */
static void skip(struct scan *s)
{
	const char *end;

	for (;;) {
		if (isspace((unsigned char)*s->at)) {
			s->line += *s->at == '\n';
			s->at++;
		} else if (*s->at == '#' || strncmp(s->at, "//", 2) == 0) {
			s->at += strcspn(s->at, "\n");
		} else if (strncmp(s->at, "/*", 2) == 0) {
			end = strstr(s->at + 2, "*/");
			end = end ? end + 2 : s->at + strlen(s->at);
			for (; s->at < end; s->at++)
				s->line += *s->at == '\n';
		} else {
			return;
		}
	}
}

static bool is_number(const struct token *token)
{
	char *end;
	double value;

	value = strtod(token->text, &end); /* 0x... as well */
	(void)value;
	while (*end == 'L')
		end++;
	return end == token->text + token->length;
}

static void read_string(struct scan *s, struct token *token)
{
	token->kind = TOKEN_OPEN_STRING;
	for (s->at++; *s->at; s->at++) {
		s->line += *s->at == '\n';
		if (*s->at == '\\' && s->at[1]) {
			s->at++;
			s->line += *s->at == '\n';
		} else if (*s->at == '"') {
			token->kind = TOKEN_STRING;
			s->at++;
			return;
		}
	}
}

static struct token next(struct scan *s)
{
	struct token token = { .kind = TOKEN_END };

	skip(s);
	token.text = s->at;
	token.line = s->line;
	if (!*s->at)
		return token;
	if (*s->at == '"') {
		read_string(s, &token);
		return token;
	}
	while ((isalnum((unsigned char)*s->at) ||
		(*s->at && strchr("_.+-*/", *s->at))) &&
	       strncmp(s->at, "//", 2) != 0 && strncmp(s->at, "/*", 2) != 0)
		s->at++;
	token.length = (size_t)(s->at - token.text);
	if (token.length == 0) {
		token.kind = TOKEN_SIGN;
		token.length = 1;
		s->at++;
	} else {
		token.kind = is_number(&token) ? TOKEN_NUMBER : TOKEN_WORD;
	}
	return token;
}

static bool is(const struct token *token, const char *signs)
{
	return token->kind == TOKEN_SIGN && strchr(signs, *token->text);
}

static bool is_bool(const struct token *token)
{
	return (token->length == 4 &&
		strncasecmp(token->text, "true", 4) == 0) ||
	       (token->length == 5 &&
		strncasecmp(token->text, "false", 5) == 0);
}

static bool in_list(const struct scan *s)
{
	return s->depth > 0 && s->open[s->depth - 1].sign != '{';
}

/* --- what may come, and what is wrong if it does not --------------------- */

#define REFUSE(...)                               \
	do {                                      \
		snprintf(why, size, __VA_ARGS__); \
		return false;                     \
	} while (0)

static bool open_bracket(struct scan *s, const struct token *t, char *why,
			 size_t size)
{
	if (s->depth > 0 && s->open[s->depth - 1].sign == '[')
		REFUSE("\"%c\" in the [ ... ] of line %u: only ( ... ) can have "
		       "groups and lists in it",
		       *t->text, s->open[s->depth - 1].line);
	if (s->depth == DEPTH_MAX)
		REFUSE("more than %d brackets are open", DEPTH_MAX);
	s->open[s->depth].sign = *t->text;
	s->open[s->depth].line = t->line;
	s->depth++;
	s->expected = *t->text == '{' ? EXPECT_KEY : EXPECT_VALUE;
	return true;
}

static bool close_bracket(struct scan *s, const struct token *t, char *why,
			  size_t size)
{
	static const char pairs[] = "{}()[]";
	char open;

	if (s->depth == 0)
		REFUSE("\"%c\" closes nothing", *t->text);
	open = s->open[s->depth - 1].sign;
	if (strchr(pairs, open)[1] != *t->text)
		REFUSE("\"%c\" where \"%c\" of line %u is to be closed first",
		       *t->text, open, s->open[s->depth - 1].line);
	if (s->expected == EXPECT_EQUALS)
		REFUSE("a key without a value, key = value is one with it");
	if (s->expected == EXPECT_VALUE && is(&s->last, "="))
		REFUSE("a value is missing behind \"=\"");
	if (s->expected == EXPECT_VALUE && is(&s->last, ","))
		REFUSE("a comma before \"%c\", where no element follows",
		       *t->text);
	s->depth--;
	s->expected = EXPECT_SEPARATOR;
	return true;
}

static bool take_value(struct scan *s, const struct token *t, char *why,
		       size_t size)
{
	if (t->kind == TOKEN_WORD && !is_bool(t))
		REFUSE("a value that is no number, true or false needs "
		       "quotes, like \"350s\"");
	if (is(t, "{[("))
		return open_bracket(s, t, why, size);
	if (t->kind == TOKEN_SIGN)
		REFUSE("\"%c\" where a value is expected",
		       isprint((unsigned char)*t->text) ? *t->text : '?');
	s->expected = EXPECT_SEPARATOR;
	return true;
}

static bool take_key(struct scan *s, const struct token *t, char *why,
		     size_t size)
{
	bool is_key = t->kind == TOKEN_WORD &&
		      !isdigit((unsigned char)*t->text);

	if (!is_key && s->last.kind == TOKEN_STRING)
		REFUSE("behind a string; is a quote missing somewhere before?");
	if (!is_key)
		REFUSE("%s where a key is expected, as in key = value",
		       is(t, "{[(") ? "a bracket opens" : "a value or a sign");
	s->expected = EXPECT_EQUALS;
	return true;
}

static bool take(struct scan *s, const struct token *t, char *why, size_t size)
{
	if (t->kind == TOKEN_OPEN_STRING)
		REFUSE("a string begins here and has no end");
	if (is(t, "}])"))
		return close_bracket(s, t, why, size);
	switch (s->expected) {
	case EXPECT_VALUE:
		return take_value(s, t, why, size);
	case EXPECT_EQUALS:
		if (!is(t, "=:"))
			REFUSE("\"=\" is missing behind a key");
		s->expected = EXPECT_VALUE;
		return true;
	case EXPECT_SEPARATOR:
		if (is(t, in_list(s) ? "," : ";,")) {
			s->expected = in_list(s) ? EXPECT_VALUE : EXPECT_KEY;
			return true;
		}
		if (t->kind == TOKEN_STRING && s->last.kind == TOKEN_STRING)
			return true;
		if (in_list(s))
			REFUSE("a comma is missing between two elements of "
			       "the list of line %u",
			       s->open[s->depth - 1].line);
		return take_key(s, t, why, size);
	case EXPECT_KEY:
		return take_key(s, t, why, size);
	}
	return true;
}

static bool at_end(const struct scan *s, char *why, size_t size)
{
	if (s->depth > 0)
		REFUSE("the file ends, and \"%c\" of line %u is not closed",
		       s->open[s->depth - 1].sign, s->open[s->depth - 1].line);
	if (s->expected == EXPECT_VALUE || s->expected == EXPECT_EQUALS)
		REFUSE("the file ends behind a key without a value");
	return true;
}

bool conf_syntax_why(const char *text, uint32_t *line, char *why, size_t size)
{
	struct scan s = { .at = text, .line = 1 };
	struct token token;
	bool right = true;

	while (right) {
		token = next(&s);
		if (token.kind == TOKEN_END)
			break;
		right = take(&s, &token, why, size);
		s.last = token;
	}
	if (right)
		right = at_end(&s, why, size);
	if (!right)
		*line = token.line;
	return !right;
}
