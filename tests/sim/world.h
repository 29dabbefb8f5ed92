/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node in memory: tables, the packet path's lookups on them, and a control
 * plane that changes its mind, loses VMs, is killed and comes back.
 *
 * The packet path and table building are the real ones; what an engine adds
 * (records, numbers, when to call what) is here in its shortest form.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "dataplane/core/pick.h"
#include "dataplane/core/port.h"
#include "dataplane/slots.h"
#include "tests/sim/random.h"

#define WORLD_BACKENDS	40
#define WORLD_LINES	1024  /* of slots: 1, 4 and 16 sizes of children */
#define WORLD_MAX_FLOWS 16384 /* lines of the flow table */
#define WORLD_VMS	65536 /* in a history, one after the other */
#define WORLD_NEVER	UINT64_MAX

/**
 * struct world_profile - what a history is made of; drawn from its seed.
 * @slots_log2: of the first range.
 * @flow_lines: of the flow table: few, and it is full all the time.
 * @idle_ms, @udp_idle_ms: of the pool.
 * @change_ms: mean time between changes of the operator's mind.
 * @crash_permille: of changes that are a VM's death.
 * @kill_permille: of calls of the control plane that are killed.
 * @stuff_permille: of places in the flow table that are taken from everybody.
 * @flood_permille: of milliseconds with a packet from nowhere.
 * @udp: flows are plain UDP, too (only where nothing is refused).
 */
struct world_profile {
	uint32_t slots_log2;
	uint32_t flow_lines;
	uint32_t idle_ms;
	uint32_t udp_idle_ms;
	uint32_t change_ms;
	uint32_t crash_permille;
	uint32_t kill_permille;
	uint32_t stuff_permille;
	uint32_t flood_permille;
	bool udp;
};

enum vm_state {
	VM_NONE,
	VM_SERVING,
	VM_LEAVING,
	VM_HELD, /* suspended: it keeps its flows, and does not answer */
	VM_DEAD, /* it died; control may not know yet */
};

/* How a VM stands; DIED includes a reset at a drain's deadline. */
enum vm_fate {
	VM_RUNS,
	VM_DIED,
	VM_DRAINED,
};

/**
 * struct vm - what control wants of a backend number, and who has it.
 * @id: of the VM, never used twice: a number may be.
 * @held_ms: when it was suspended last, 0 = never.
 */
struct vm {
	enum vm_state state;
	uint64_t held_ms;
	uint32_t id;
	uint32_t weight;
};

/**
 * struct world_stats - what happened; added up over histories.
 */
struct world_stats {
	uint64_t changes;
	uint64_t crashes;
	uint64_t holds;
	uint64_t drained;
	uint64_t deadlines;
	uint64_t kills;
	uint64_t reopens;
	uint64_t growths;
	uint64_t slots_moved;
	uint64_t refused;
	uint64_t evicted;
	uint64_t asked; /* packets that asked the flow table */
	uint64_t packets;
	uint64_t reused; /* numbers given out again */
};

/**
 * struct world - the node.
 * @start_ns: CLOCK_MONOTONIC at @now_ms 0.
 * @slots: NULL while the control plane is dead.
 * @fate: by id of a VM, enum vm_fate.
 * @wrong: a rule was broken that is no flow's (text), NULL = none.
 */
struct world {
	struct world_profile profile;
	struct random random;
	struct world_stats stats;
	uint64_t start_ns;
	uint64_t now_ms;
	uint64_t change_at_ms;
	uint64_t step_at_ms;
	uint64_t sweep_at_ms;
	uint64_t up_at_ms;
	struct slots *slots;
	struct vm vm[WORLD_BACKENDS + 1];
	uint32_t last_id;
	uint8_t fate[WORLD_VMS];
	bool shares_changed;
	const char *wrong;
	struct node node;
	struct pool pool;
	struct backend backends[WORLD_BACKENDS + 1];
	struct slot_line lines[WORLD_LINES];
	struct slot_clock clocks[WORLD_LINES * SLOTS_PER_LINE];
	struct flow_line flows[WORLD_MAX_FLOWS];
};

/* A new history. */
void world_init(struct world *w, const struct world_profile *profile,
		uint64_t seed);

/* Forget what the control plane remembers. */
void world_done(struct world *w);

/* Let the control plane do what is due; may kill it. */
void world_control(struct world *w);

/* The time after which world_control() has something to do. */
uint64_t world_next_ms(const struct world *w);

/**
 * struct world_sent - what became of a packet.
 * @id: of the VM that it reached, 0 = none.
 * @refused: it was to have an entry and got none.
 */
struct world_sent {
	uint32_t id;
	bool refused;
};

/* A client's packet, through the packet path. */
struct world_sent world_send(struct world *w, uint64_t key, enum flow_kind kind,
			     uint8_t tcp_flags);

/*
 * Packets of a flow that is none, no openers. They may not take more than half
 * of a line.
 */
void world_flood(struct world *w, uint64_t key, uint32_t n);

/* An answer of a VM; nothing if it is no more. */
void world_answer(struct world *w, uint64_t key, uint32_t id,
		  uint8_t tcp_flags);

/* Does a VM still answer what came to it then? */
bool world_vm_answers(const struct world *w, uint32_t id, uint64_t asked_ms);

enum vm_fate world_vm_fate(const struct world *w, uint32_t id);

#endif
