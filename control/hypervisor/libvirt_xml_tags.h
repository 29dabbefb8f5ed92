/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tags in the <vm> element of a domain's metadata, changed. Pure: text in,
 * text out; knows libxml2, not libvirt.
 */
#ifndef CONTROL_HYPERVISOR_LIBVIRT_XML_TAGS_H
#define CONTROL_HYPERVISOR_LIBVIRT_XML_TAGS_H

#include "control/hypervisor/driver.h"

/**
 * libvirt_xml_tags() - the <vm> element with other tags.
 * @element: it as libvirt gives it, without its namespace; NULL: there is none.
 * @steps: what to do, in order.
 * @n_steps: their number.
 * @ret_element: it as it shall be, for free(); NULL: as it is.
 *
 * What else is in it stays as it is: addresses, what others have put there,
 * comments, tags without a name or longer than we take. A tag that is new is put
 * behind the last one; where blanks are between tags, it gets the same.
 *
 * Return: 0; -EINVAL: @element is not well-formed or is no <vm>; -E2BIG: it
 * would have more than HV_MAX_TAGS; -ENOMEM.
 */
MUST_CHECK int libvirt_xml_tags(const char *element,
				const struct hv_tag_step *steps, size_t n_steps,
				char **ret_element);

#endif
