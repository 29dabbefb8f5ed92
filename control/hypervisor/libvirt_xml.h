/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What we need of a libvirt domain's XML. Pure: text in, struct hv_vm out;
 * knows libxml2, not libvirt.
 */
#ifndef CONTROL_HYPERVISOR_LIBVIRT_XML_H
#define CONTROL_HYPERVISOR_LIBVIRT_XML_H

#include "control/hypervisor/driver.h"

/**
 * libvirt_xml_parse() - read a domain's description.
 * @xml: the text.
 * @vm: fresh from hv_vm_new(). Gets its UUID, name, tags, NICs with the
 *      addresses that the metadata gives, agent and truncated.
 *
 * The metadata looks like this, in the namespace HV_METADATA_URN:
 *
 *	<vm xmlns='urn:drover:vm:1'>
 *	  <tag name='role' value='web'/>
 *	  <address ip='10.0.0.7'/>
 *	  <address ip='10.1.0.7' mac='52:54:00:12:34:56'/>
 *	</vm>
 *
 * An address without MAC is the first NIC's. What is not understood in it is
 * left out and does not make the VM unreadable.
 *
 * Return: 0; -EINVAL if it is no domain; -ENOMEM. On failure @vm may be half
 * filled and is good for hv_vm_free() only.
 */
MUST_CHECK int libvirt_xml_parse(const char *xml, struct hv_vm *vm);

#endif
