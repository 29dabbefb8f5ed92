// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures that are whole, cut, damaged, of other frames, and none at all.
 */
#include "control/cli/capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ETHERNET  1
#define COOKED	  113
#define N_PACKETS 3
#define FRAME	  60
#define HEAD	  24 /* of a file */
#define RECORD	  16 /* of a packet */
#define WHOLE	  (HEAD + N_PACKETS * (RECORD + FRAME))

/* pcap's own file: magic, version 2.4, zone, sigfigs, snaplen, link. */
struct file {
	uint8_t byte[WHOLE];
	size_t size;
};

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint8_t *record(struct file *f, uint32_t i)
{
	return f->byte + HEAD + (size_t)i * (RECORD + FRAME);
}

static struct file make_file(uint32_t magic, uint32_t link)
{
	struct file f = { .size = WHOLE };
	const uint16_t version[2] = { 2, 4 };
	uint32_t i;

	put32(f.byte, magic);
	memcpy(f.byte + 4, version, sizeof(version));
	put32(f.byte + 16, 262144);
	put32(f.byte + 20, link);
	for (i = 0; i < N_PACKETS; i++) {
		put32(record(&f, i), 1000 + i);
		put32(record(&f, i) + 4, 500);
		put32(record(&f, i) + 8, FRAME);
		put32(record(&f, i) + 12, 1514);
		memset(record(&f, i) + RECORD, (int)(0xa0 + i), FRAME);
	}
	return f;
}

#define MICRO 0xa1b2c3d4U
#define NANO  0xa1b23c4dU

static struct capture *open_file(const struct file *f, char *error)
{
	char path[] = "/tmp/test_cli_capture.XXXXXX";
	int fd = mkstemp(path);
	struct capture *c;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->byte, f->size), (ssize_t)f->size);
	close(fd);
	error[0] = '\0';
	c = capture_open(path, error);
	unlink(path);
	return c;
}

/* How many whole packets a file has; its end in @ret_rc. */
static uint64_t read_all(const struct file *f, int *ret_rc, char *error)
{
	struct capture *c = open_file(f, error);
	struct captured packet;
	uint64_t n = 0;

	if (!c) {
		*ret_rc = -EINVAL;
		return 0;
	}
	while ((*ret_rc = capture_next(c, &packet, error)) > 0) {
		n++;
		assert_int_equal(packet.number, n);
		assert_true(packet.size <= packet.length);
	}
	capture_close(c);
	return n;
}

static void test_whole(void **state)
{
	static const uint32_t magics[] = { MICRO, NANO };
	char error[CAPTURE_ERROR_SIZE];
	struct captured packet;
	struct capture *c;
	struct file f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(magics); i++) {
		f = make_file(magics[i], ETHERNET);
		c = open_file(&f, error);
		assert_non_null(c);
		assert_int_equal(capture_next(c, &packet, error), 1);
		assert_int_equal(packet.number, 1);
		assert_int_equal(packet.size, FRAME);
		assert_int_equal(packet.length, 1514);
		assert_int_equal(packet.data[FRAME - 1], 0xa0);
		assert_int_equal(packet.time_ns,
				 1000000000000 +
					 (magics[i] == NANO ? 500 : 500000));
		capture_close(c);
	}
}

/* A file that is cut anywhere has the packets before that, and says which not. */
static void test_truncated(void **state)
{
	const struct file whole = make_file(MICRO, ETHERNET);
	char error[CAPTURE_ERROR_SIZE];
	char which[32];
	struct file f;
	uint64_t n;
	size_t size;
	int rc;

	(void)state;
	for (size = 0; size <= WHOLE; size++) {
		f = whole;
		f.size = size;
		n = read_all(&f, &rc, error);
		if (size < HEAD) {
			assert_int_equal(rc, -EINVAL);
			assert_non_null(strstr(error, "no capture"));
			continue;
		}
		assert_int_equal(n, (size - HEAD) / (RECORD + FRAME));
		if ((size - HEAD) % (RECORD + FRAME) == 0) {
			assert_int_equal(rc, 0);
			continue;
		}
		assert_int_equal(rc, -EIO);
		(void)snprintf(which, sizeof(which),
			       "packet %u: ", (unsigned)n + 1);
		assert_ptr_equal(strstr(error, which), error);
	}
}

/* Lengths that can't be. */
static void test_damaged(void **state)
{
	char error[CAPTURE_ERROR_SIZE];
	struct file f = make_file(MICRO, ETHERNET);
	int rc;

	(void)state;
	put32(record(&f, 1) + 8, 0x7fffffff);
	assert_int_equal(read_all(&f, &rc, error), 1);
	assert_int_equal(rc, -EIO);
	assert_non_null(strstr(error, "packet 2: "));

	/* Shorter on the wire than what is there of it. */
	f = make_file(MICRO, ETHERNET);
	put32(record(&f, 1) + 12, 4);
	assert_int_equal(read_all(&f, &rc, error), N_PACKETS);
	assert_int_equal(rc, 0);
}

static void test_garbage(void **state)
{
	char error[CAPTURE_ERROR_SIZE];
	uint64_t random = 88172645463325252ULL;
	struct file f;
	size_t i;
	int rc;
	int n;

	(void)state;
	for (n = 0; n < 2000; n++) {
		f = make_file(MICRO, ETHERNET);
		/* All of it, or only what stands behind the file's head. */
		for (i = n % 2 ? HEAD : 0; i < WHOLE; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			if (n % 4 < 2 || random % 16 == 0)
				f.byte[i] = (uint8_t)(random >> 32);
		}
		(void)read_all(&f, &rc, error);
		assert_true(rc <= 0);
		assert_true(rc == 0 || error[0]);
	}
}

static void test_other_frames(void **state)
{
	char error[CAPTURE_ERROR_SIZE];
	struct file f = make_file(MICRO, COOKED);

	(void)state;
	assert_null(open_file(&f, error));
	assert_non_null(strstr(error, "not Ethernet"));
	assert_non_null(strstr(error, "`any`"));
	f = make_file(MICRO, 101); /* raw IP */
	assert_null(open_file(&f, error));
	assert_non_null(strstr(error, "not Ethernet"));
}

static void test_no_file(void **state)
{
	char error[CAPTURE_ERROR_SIZE] = "";

	(void)state;
	assert_null(capture_open("/nonexistent/capture", error));
	assert_non_null(strstr(error, "/nonexistent/capture"));
	assert_null(capture_open("/tmp", error));
	capture_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_other_frames),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
