/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt's states, reasons and details in our words. Pure tables.
 *
 * DOC: PAUSED (migration)
 *
 * libvirt says this of both sides: of the target, which waits for memory, and
 * of the source, whose memory has left. A run that has been seen running is the
 * source.
 */
#include "control/hypervisor/libvirt_hv.h"

/**
 * struct meaning - what a reason of libvirt's means to us.
 * @state: ours.
 * @end: ours, if it has ended.
 * @text: libvirt's word.
 */
struct meaning {
	enum hv_state state;
	enum hv_end end;
	const char *text;
};

static const struct meaning running[] = {
	[VIR_DOMAIN_RUNNING_UNKNOWN] = { HV_STATE_RUNNING, 0, "unknown" },
	[VIR_DOMAIN_RUNNING_BOOTED] = { HV_STATE_RUNNING, 0, "booted" },
	[VIR_DOMAIN_RUNNING_MIGRATED] = { HV_STATE_RUNNING, 0, "migrated" },
	[VIR_DOMAIN_RUNNING_RESTORED] = { HV_STATE_RUNNING, 0, "restored" },
	[VIR_DOMAIN_RUNNING_FROM_SNAPSHOT] = { HV_STATE_RUNNING, 0,
					       "from snapshot" },
	[VIR_DOMAIN_RUNNING_UNPAUSED] = { HV_STATE_RUNNING, 0, "unpaused" },
	[VIR_DOMAIN_RUNNING_MIGRATION_CANCELED] = { HV_STATE_RUNNING, 0,
						    "migration cancelled" },
	[VIR_DOMAIN_RUNNING_SAVE_CANCELED] = { HV_STATE_RUNNING, 0,
					       "save cancelled" },
	[VIR_DOMAIN_RUNNING_WAKEUP] = { HV_STATE_RUNNING, 0, "woken" },
	[VIR_DOMAIN_RUNNING_CRASHED] = { HV_STATE_RUNNING, 0, "crashed" },
	[VIR_DOMAIN_RUNNING_POSTCOPY] = { HV_STATE_RUNNING, 0, "post-copy" },
	[VIR_DOMAIN_RUNNING_POSTCOPY_FAILED] = { HV_STATE_RUNNING, 0,
						 "post-copy failed" },
};

static const struct meaning paused[] = {
	[VIR_DOMAIN_PAUSED_UNKNOWN] = { HV_STATE_PAUSED, 0, "unknown" },
	[VIR_DOMAIN_PAUSED_USER] = { HV_STATE_PAUSED, 0, "user" },
	[VIR_DOMAIN_PAUSED_MIGRATION] = { HV_STATE_INCOMING, 0, "migration" },
	[VIR_DOMAIN_PAUSED_SAVE] = { HV_STATE_PAUSED, 0, "save" },
	[VIR_DOMAIN_PAUSED_DUMP] = { HV_STATE_PAUSED, 0, "dump" },
	[VIR_DOMAIN_PAUSED_IOERROR] = { HV_STATE_PAUSED_IO, 0, "I/O error" },
	[VIR_DOMAIN_PAUSED_WATCHDOG] = { HV_STATE_PAUSED, 0, "watchdog" },
	[VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = { HV_STATE_PAUSED, 0,
					      "from snapshot" },
	[VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = { HV_STATE_SHUTDOWN,
					      HV_END_SHUTDOWN,
					      "shutting down" },
	[VIR_DOMAIN_PAUSED_SNAPSHOT] = { HV_STATE_PAUSED, 0, "snapshot" },
	[VIR_DOMAIN_PAUSED_CRASHED] = { HV_STATE_CRASHED, HV_END_CRASHED,
					"crashed" },
	[VIR_DOMAIN_PAUSED_STARTING_UP] = { HV_STATE_STARTING, 0,
					    "starting up" },
	[VIR_DOMAIN_PAUSED_POSTCOPY] = { HV_STATE_OUTGOING, 0, "post-copy" },
	[VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = { HV_STATE_PAUSED, 0,
						"post-copy failed" },
};

static const struct meaning shutoff[] = {
	[VIR_DOMAIN_SHUTOFF_UNKNOWN] = { HV_STATE_OFF, HV_END_UNKNOWN,
					 "unknown" },
	[VIR_DOMAIN_SHUTOFF_SHUTDOWN] = { HV_STATE_OFF, HV_END_SHUTDOWN,
					  "shut down" },
	[VIR_DOMAIN_SHUTOFF_DESTROYED] = { HV_STATE_OFF, HV_END_DESTROYED,
					   "destroyed" },
	[VIR_DOMAIN_SHUTOFF_CRASHED] = { HV_STATE_OFF, HV_END_CRASHED,
					 "crashed" },
	[VIR_DOMAIN_SHUTOFF_MIGRATED] = { HV_STATE_OFF, HV_END_MIGRATED,
					  "migrated" },
	[VIR_DOMAIN_SHUTOFF_SAVED] = { HV_STATE_OFF, HV_END_SAVED, "saved" },
	[VIR_DOMAIN_SHUTOFF_FAILED] = { HV_STATE_OFF, HV_END_FAILED, "failed" },
	[VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = { HV_STATE_OFF, HV_END_DESTROYED,
					       "from snapshot" },
	[VIR_DOMAIN_SHUTOFF_DAEMON] = { HV_STATE_OFF, HV_END_FAILED, "daemon" },
};

static const struct meaning shutting_down = { HV_STATE_SHUTDOWN,
					      HV_END_SHUTDOWN,
					      "shutting down" };
static const struct meaning crashed = { HV_STATE_CRASHED, HV_END_CRASHED,
					"panicked" };
static const struct meaning suspended = { HV_STATE_SUSPENDED, 0,
					  "suspended by the guest" };
static const struct meaning unknown = { HV_STATE_UNKNOWN, 0, "unknown" };

/* A reason that a later libvirt has invented means what reason 0 does. */
static const struct meaning *pick(const struct meaning *table, size_t n,
				  int reason)
{
	return &table[reason >= 0 && (size_t)reason < n ? reason : 0];
}

static const struct meaning *find(int state, int reason)
{
	switch ((virDomainState)state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
		return pick(running, ARRAY_SIZE(running), reason);
	case VIR_DOMAIN_PAUSED:
		return pick(paused, ARRAY_SIZE(paused), reason);
	case VIR_DOMAIN_SHUTDOWN:
		return &shutting_down;
	case VIR_DOMAIN_SHUTOFF:
		return pick(shutoff, ARRAY_SIZE(shutoff), reason);
	case VIR_DOMAIN_CRASHED:
		return &crashed;
	case VIR_DOMAIN_PMSUSPENDED:
		return &suspended;
	case VIR_DOMAIN_NOSTATE:
		break;
	}
	return &unknown;
}

void libvirt_state(const struct hv_known *known, int state, int reason,
		   struct hv_vm *vm)
{
	const struct meaning *meaning;

	meaning = find(state, reason);
	vm->state = meaning->state;
	vm->end = meaning->end;
	vm->reason = meaning->text;
	vm->migrated_in = state == VIR_DOMAIN_RUNNING &&
			  (reason == VIR_DOMAIN_RUNNING_MIGRATED ||
			   reason == VIR_DOMAIN_RUNNING_POSTCOPY);
	if (vm->state == HV_STATE_INCOMING && known->was_up)
		vm->state = HV_STATE_OUTGOING;
}

static const struct {
	enum hv_end end;
	const char *text;
} stopped[] = {
	[VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN] = { HV_END_SHUTDOWN,
						"STOPPED: shut down" },
	[VIR_DOMAIN_EVENT_STOPPED_DESTROYED] = { HV_END_DESTROYED,
						 "STOPPED: destroyed" },
	[VIR_DOMAIN_EVENT_STOPPED_CRASHED] = { HV_END_CRASHED,
					       "STOPPED: crashed" },
	[VIR_DOMAIN_EVENT_STOPPED_MIGRATED] = { HV_END_MIGRATED,
						"STOPPED: migrated" },
	[VIR_DOMAIN_EVENT_STOPPED_SAVED] = { HV_END_SAVED, "STOPPED: saved" },
	[VIR_DOMAIN_EVENT_STOPPED_FAILED] = { HV_END_FAILED,
					      "STOPPED: failed" },
	[VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT] = { HV_END_DESTROYED,
						     "STOPPED: from snapshot" },
};

enum hv_end libvirt_stopped(int detail)
{
	if (detail < 0 || (size_t)detail >= ARRAY_SIZE(stopped))
		return HV_END_UNKNOWN;
	return stopped[detail].end;
}

const char *libvirt_stopped_text(int detail)
{
	if (detail < 0 || (size_t)detail >= ARRAY_SIZE(stopped))
		return "STOPPED";
	return stopped[detail].text;
}
