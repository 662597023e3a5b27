/* SPDX-License-Identifier: Apache-2.0 */
#include "data/xml.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <expat.h>

enum { MAX_DEPTH = 32, TEXT_BYTES = 2048, PATH_BYTES = 96, CHUNK = 1 << 20 };

struct rf_xml {
    const char *file;
    const rf_xml_events *events;
    void *ctx;
    XML_Parser parser;
    rf_status status; /* of our own, when not RF_OK */
    int depth;
    char path[PATH_BYTES];
    size_t ends[MAX_DEPTH];
    char text[TEXT_BYTES]; /* of the innermost element */
    size_t n_text;
};

int rf_xml_line(const rf_xml *xml) {
    XML_Size line = XML_GetCurrentLineNumber(xml->parser);
    return line > INT_MAX ? INT_MAX : (int)line;
}

rf_status rf_xml_fail(const rf_xml *xml, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return rf_fail(RF_ERR_FORMAT, "%s:%d: %s", xml->file, rf_xml_line(xml), text);
}

const char *rf_xml_attribute(const char *const *attributes, const char *name) {
    for (; attributes[0]; attributes += 2)
        if (strcmp(attributes[0], name) == 0) return attributes[1];
    return NULL;
}

static void note(rf_xml *xml, rf_status status) {
    if (status == RF_OK) return;
    xml->status = status;
    XML_StopParser(xml->parser, XML_FALSE);
}

static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal) {
    rf_xml *xml = ctx;
    (void)name, (void)system, (void)public, (void)internal;
    note(xml, rf_xml_fail(xml, "a document type (<!DOCTYPE) is not accepted: annotations need no entities; remove it"));
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes) {
    rf_xml *xml = ctx;
    if (xml->status != RF_OK) return;
    if (xml->depth == MAX_DEPTH) {
        note(xml, rf_xml_fail(xml, "XML more than %d levels deep", MAX_DEPTH));
        return;
    }
    size_t used = strlen(xml->path), n = strlen(name);
    xml->ends[xml->depth++] = used;
    bool fits = used + n + 2 < sizeof xml->path;
    snprintf(xml->path + used, sizeof xml->path - used, "%s%s", used ? "/" : "", fits ? name : "?");
    xml->n_text = 0;
    if (xml->depth == 1 && strcmp(name, xml->events->root) != 0)
        note(xml, rf_xml_fail(xml, "the outermost element is <%.40s>; %s has <%s>", name, xml->events->format,
                              xml->events->root));
    else
        note(xml, xml->events->start(xml->ctx, xml, xml->path, (const char *const *)attributes));
}

static void on_text(void *ctx, const XML_Char *text, int n) {
    rf_xml *xml = ctx;
    if (xml->status != RF_OK) return;
    if ((size_t)n > sizeof xml->text - 1 - xml->n_text) {
        note(xml, rf_xml_fail(xml, "an element with more than %d bytes of text", TEXT_BYTES - 1));
        return;
    }
    memcpy(xml->text + xml->n_text, text, (size_t)n);
    xml->n_text += (size_t)n;
}

static char *trimmed(rf_xml *xml) {
    static const char blanks[] = " \t\r\n";
    xml->text[xml->n_text] = 0;
    char *begin = xml->text + strspn(xml->text, blanks);
    size_t n = strlen(begin);
    while (n > 0 && strchr(blanks, begin[n - 1])) n--;
    begin[n] = 0;
    return begin;
}

static void on_end(void *ctx, const XML_Char *name) {
    rf_xml *xml = ctx;
    (void)name;
    if (xml->status != RF_OK) return;
    note(xml, xml->events->end(xml->ctx, xml, xml->path, trimmed(xml)));
    xml->path[xml->ends[--xml->depth]] = 0;
    xml->n_text = 0;
}

static rf_status parse(rf_xml *xml, const char *at, size_t left) {
    for (;;) {
        size_t n = left < CHUNK ? left : CHUNK;
        enum XML_Status parsed = XML_Parse(xml->parser, at, (int)n, n == left);
        if (xml->status != RF_OK) return xml->status;
        if (parsed != XML_STATUS_OK) {
            enum XML_Error code = XML_GetErrorCode(xml->parser);
            if (code == XML_ERROR_NO_MEMORY)
                return rf_fail(RF_ERR_NOMEM, "out of memory while reading '%s'", xml->file);
            return rf_xml_fail(xml, "wrong XML: %s", XML_ErrorString(code));
        }
        at += n;
        left -= n;
        if (left == 0) return RF_OK;
    }
}

rf_status rf_xml_read(const char *file, const char *text, size_t bytes, const rf_xml_events *events, void *ctx) {
    rf_xml xml = {.file = file, .events = events, .ctx = ctx, .parser = XML_ParserCreate(NULL)};
    if (!xml.parser) return rf_fail(RF_ERR_NOMEM, "out of memory in expat");
    XML_SetUserData(xml.parser, &xml);
    XML_SetElementHandler(xml.parser, on_start, on_end);
    XML_SetCharacterDataHandler(xml.parser, on_text);
    XML_SetStartDoctypeDeclHandler(xml.parser, on_doctype);
    rf_status status = parse(&xml, text, bytes);
    XML_ParserFree(xml.parser);
    return status;
}

const char *rf_xml_version(void) {
    return XML_ExpatVersion();
}
