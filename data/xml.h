/* SPDX-License-Identifier: Apache-2.0 */
/* Reading XML by events, with expat. Document types are refused, and with them all entities but XML's own five: nothing
 * can be expanded or fetched. Depth and the text of an element are limited. */
#ifndef RF_DATA_XML_H
#define RF_DATA_XML_H

#include <stddef.h>

#include "core/status.h"

typedef struct rf_xml rf_xml;

/* What an element is: path "annotation/object/name" ('?' parts once it is too long), valid during the call. A status
 * that is not RF_OK ends the reading and is passed on. */
typedef struct rf_xml_events {
    const char *root, *format; /* the outermost element that is expected, and of what; for the message */
    /* attributes: name, value, name, value, NULL. */
    rf_status (*start)(void *ctx, rf_xml *xml, const char *path, const char *const *attributes);
    /* text: that of the element itself, without white space at its ends; of one with children what follows the last. */
    rf_status (*end)(void *ctx, rf_xml *xml, const char *path, char *text);
} rf_xml_events;

/* RF_ERR_FORMAT tells file:line. `file` is for messages. */
rf_status rf_xml_read(const char *file, const char *text, size_t bytes, const rf_xml_events *events, void *ctx);
/* For events: the line they are at, and the value of an attribute, NULL when it is not there. */
int rf_xml_line(const rf_xml *xml);
const char *rf_xml_attribute(const char *const *attributes, const char *name);
/* RF_ERR_FORMAT: "file:line: ...". */
rf_status rf_xml_fail(const rf_xml *xml, const char *fmt, ...) RF_PRINTF(2, 3);

/* "expat_2.5.0", of the library that runs. */
const char *rf_xml_version(void);

#endif
