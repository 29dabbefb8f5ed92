/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any request to the API: "METHOD PATH[?QUERY]\nBODY". It is answered once, in
 * JSON, with data or with an error that has a code and a message.
 *
 * Behind it are the real routes, inventory, wishes and store, with two VMs in a
 * pool of both families; only the data plane is an empty one.
 */
#include <dirent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/feeds.h"
#include "control/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] =
	"node = { name = \"n\"; uplinks = [ \"u\" ]; };"
	"hypervisors = ( { name = \"hv1\"; },"
	"                { name = \"cloud\"; driver = \"fed\"; } );"
	"tenants = ( { name = \"shop\"; vips = [ \"203.0.113.10\","
	"                \"2001:db8::10\" ];"
	"              networks = [ \"br0\" ]; } );"
	"pools = ( { tenant = \"shop\"; name = \"web\"; select = [ \"role\" ];"
	"            health = { port = 80; }; } );"
	"services = ( { tenant = \"shop\"; name = \"http\"; port = 80;"
	"               vip = \"203.0.113.10\"; pool = \"web\"; },"
	"             { tenant = \"shop\"; name = \"http6\"; port = 80;"
	"               vip = \"2001:db8::10\"; pool = \"web\"; } );";

static struct daemon d;

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* A data plane that does nothing, but has the config's service. */
static int no_status(struct dp *dp, uint64_t now_ns, struct dp_status *ret)
{
	(void)dp;
	(void)now_ns;
	memset(ret, 0, sizeof(*ret));
	ret->services = calloc(1, sizeof(*ret->services));
	must(ret->services != NULL);
	ret->n_services = 1;
	memcpy(ret->services->name, "shop/http", sizeof("shop/http"));
	memcpy(ret->services->pool, "shop/web", sizeof("shop/web"));
	return 0;
}

static int no_explain(struct dp *dp, const struct dp_flow *flow,
		      uint64_t now_ns, struct dp_explanation *ret)
{
	(void)dp;
	(void)flow;
	(void)now_ns;
	memset(ret, 0, sizeof(*ret));
	return 0;
}

static void no_close(struct dp *dp)
{
	(void)dp;
}

static int no_detach(const char *pin_dir, char *error)
{
	(void)pin_dir;
	error[0] = '\0';
	return 0;
}

static const struct dp_ops nothing = { .name = "nothing",
				       .status = no_status,
				       .explain = no_explain,
				       .close = no_close,
				       .detach = no_detach };

static void told_inv(void *arg, const struct inv_change *change)
{
	(void)arg;
	(void)change;
}

static void told_member(void *arg, const struct rec_member *m, const char *what)
{
	(void)arg;
	(void)m;
	(void)what;
}

static void told_pool(void *arg, const char *pool, const char *what,
		      const char *why)
{
	(void)arg;
	(void)pool;
	(void)what;
	(void)why;
}

static int seed(void *arg, const char *pool, struct hash_seed *ret_seed)
{
	(void)arg;
	return store_seed(d.store, pool, ret_seed);
}

static void leaving(void *arg, struct rec_member *m)
{
	(void)arg;
	(void)m;
}

static void tell(struct inv_hv *hv, struct hv_event *event)
{
	must(event != NULL);
	event->arg = hv;
	must(inv_event(d.inv, event) == 0);
	hv_event_free(event);
}

static void add_vm(struct inv_hv *hv, uint8_t n, const char *name)
{
	struct hv_event *event = hv_event_new(HV_EVENT_VM, hv_clock_ns());
	struct hv_vm *vm = hv_vm_new();

	must(event && vm);
	memset(vm->uuid, 0xab, sizeof(vm->uuid));
	vm->uuid[15] = n;
	memcpy(event->uuid, vm->uuid, sizeof(vm->uuid));
	vm->name = strdup(name);
	vm->state = HV_STATE_RUNNING;
	vm->reason = "booted";
	vm->run = 1;
	vm->read_ns = hv_clock_ns();
	vm->tags = calloc(1, sizeof(*vm->tags));
	vm->nics = calloc(1, sizeof(*vm->nics));
	must(vm->name && vm->tags && vm->nics);
	vm->n_tags = 1;
	vm->tags[0].name = strdup("role");
	vm->tags[0].value = strdup("web");
	vm->n_nics = 1;
	vm->nics[0].port = strdup("tap");
	vm->nics[0].network = strdup("");
	vm->nics[0].bridge = strdup("br0");
	vm->nics[0].kind = HV_NIC_BRIDGE;
	event->vm = vm;
	tell(hv, event);
}

static void make_inventory(void)
{
	struct inv_hv *hv = NULL;

	must(inv_new(told_inv, NULL, &d.inv) == 0);
	must(inv_hv_add(d.inv, "hv1", true, &hv) == 0);
	tell(hv, hv_event_new(HV_EVENT_CONNECTED, hv_clock_ns()));
	add_vm(hv, 1, "web-1");
	add_vm(hv, 2, "web 2/\xc3\xa4");
	tell(hv, hv_event_new(HV_EVENT_LISTED, hv_clock_ns()));
}

/* Of the config's hypervisors only the fed one has somebody behind it. */
static void watch_fed(void)
{
	struct conf conf = *d.conf;

	conf.hypervisors++;
	conf.n_hypervisors = 1;
	must(hypervisors_apply(d.hypervisors, &conf) == 0);
}

static void make_members(void)
{
	const struct rec_hooks hooks = { .changed = told_member,
					 .pool_changed = told_pool,
					 .seed = seed,
					 .leaving = leaving };
	const struct dp_snapshot *snapshot;
	struct rec_input in = { .now_ns = hv_clock_ns(),
				.now_ms = daemon_wall_ms() };
	uint64_t wake_ns;

	must(rec_new(&hooks, &d.rec) == 0);
	in.conf = d.conf;
	in.inv = d.inv;
	in.wishes = d.wishes;
	must(rec_run(d.rec, &in, &snapshot, &wake_ns) == 0);
}

static void forget_names(const char *dir)
{
	DIR *open_dir = opendir(dir);
	const struct dirent *entry;

	must(open_dir != NULL);
	while ((entry = readdir(open_dir)) != NULL)
		(void)unlinkat(dirfd(open_dir), entry->d_name, 0);
	must(closedir(open_dir) == 0 && rmdir(dir) == 0);
}

static void never(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void start(void)
{
	/* In memory: a wish waits for the disk, a fuzzer does not want to. */
	char dir[] = "/dev/shm/drover-fuzz-XXXXXX";
	char error[STORE_ERROR_SIZE];
	struct conf_errors *errs = calloc(1, sizeof(*errs));

	must(errs != NULL && mkdtemp(dir) != NULL);
	log_set_level(LOG_LEVEL_ERROR);
	must(conf_load_text("fuzz", config, &d.conf, errs) == 0);
	free(errs);
	d.conf_path = "/nonexistent/drover.cfg";
	d.engine = &nothing;
	d.base = event_base_new();
	must(d.base != NULL);
	must(store_open(dir, 100, &d.store, error) == 0);
	must(journal_new(d.base, d.store, &d.journal) == 0);
	must(wishes_load(d.store, &d.wishes) == 0);
	make_inventory();
	must(feeds_load(d.store, daemon_wall_ms(), hv_clock_ns(), &d.feeds) ==
	     0);
	must(hypervisors_new(d.base, d.inv, d.feeds, &d.hypervisors) == 0);
	watch_fed();
	make_members();
	d.tick_event = evtimer_new(d.base, never, NULL);
	d.look_event = evtimer_new(d.base, never, NULL);
	d.reconcile_event = evtimer_new(d.base, never, NULL);
	must(d.tick_event && d.look_event && d.reconcile_event);
	/* The store has its files open; nobody else needs their names. */
	forget_names(dir);
}

static void check_answer(void *arg, int status, const char *text)
{
	json_error_t error;
	json_t *answer = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	json_t *wrong = json_object_get(answer, "error");
	int *n_answers = arg;

	(*n_answers)++;
	must(json_integer_value(json_object_get(answer, "schema")) == 1);
	must((json_object_get(answer, "data") != NULL) == (status == 200));
	must((wrong != NULL) == (status != 200));
	/* Nothing that a client asks may be called our failure. */
	must(status != 500);
	if (wrong) {
		must(json_is_string(json_object_get(wrong, "code")));
		must(json_string_length(json_object_get(wrong, "message")) > 0);
		must(json_is_array(json_object_get(wrong, "details")));
	}
	json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_request r = { .daemon = &d, .send = check_answer };
	char *text = malloc(size + 1);
	int n_answers = 0;
	const char *body = "";
	char *query;
	char *path;
	char *end;

	must(text != NULL);
	if (!d.base)
		start();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	end = memchr(text, '\n', size);
	if (end) {
		*end = '\0';
		body = end + 1;
	}
	path = strchr(text, ' ');
	if (path)
		*path++ = '\0';
	query = path ? strchr(path, '?') : NULL;
	if (query)
		*query++ = '\0';
	r.send_arg = &n_answers;
	api_dispatch(&r, text, path, query, body,
		     end ? (size_t)(text + size - body) : 0);
	must(n_answers == 1);
	journal_flush(d.journal);
	d.detached = false;
	d.leaving = false;
	free(text);
	return 0;
}
