/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "export/card.h"
#include "export/export.h"

#define RF_EXPORTER(name) extern const rf_exporter rf_exporter_##name;
#include "export/exporters.def"
#undef RF_EXPORTER

static const void *const exporters[] = {
#define RF_EXPORTER(name) &rf_exporter_##name,
#include "export/exporters.def"
#undef RF_EXPORTER
};

RF_REGISTRY_DEFINE(exporter, rf_exporter, exporters, e->extension && e->doc && e->write && e->verify, .what = "format")

const rf_exporter *rf_exporter_for_path(const char *path) {
    size_t length = strlen(path);
    for (int i = 0; i < rf_exporter_count(); i++) {
        const char *extension = rf_exporter_at(i)->extension;
        size_t n = strlen(extension);
        if (n && length > n && strcmp(path + length - n, extension) == 0) return rf_exporter_at(i);
    }
    char list[256] = "";
    for (int i = 0; i < rf_exporter_count(); i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s (%s)", i ? ", " : "", rf_exporter_at(i)->name,
                 rf_exporter_at(i)->extension);
    rf_fail(RF_ERR_USER, "the name '%s' does not tell the format: give it with --to; there are %s", path, list);
    return NULL;
}

/* *io NULL for weights alone; rf_free it. */
static rf_status describe(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *options,
                          const char *path, rf_card_io **io) {
    *io = NULL;
    if (!exporter->describe) return RF_OK;
    *io = rf_alloc(1, sizeof **io);
    return *io ? exporter->describe(model, options, path, *io) : RF_ERR_NOMEM;
}

static void remove_files(const char *path, const rf_card_io *io) {
    remove(path);
    for (int i = 0; io && i < io->n_files; i++) remove(io->files[i]);
}

rf_status rf_export(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *options,
                    const char *path) {
    rf_card_io *io = NULL;
    if (options->prefix && !exporter->has_names)
        return rf_fail(RF_ERR_USER, "--prefix is of the names in C sources; %s has none: leave it out", exporter->name);
    rf_status status = exporter->write(model, options, path);
    if (status == RF_OK) {
        status = describe(exporter, model, options, path, &io);
        rf_status verified = status == RF_OK ? exporter->verify(model, options, path) : RF_OK;
        if (verified != RF_OK) {
            status =
                rf_fail_context(verified, "%s was written but does not read back as the model and was removed", path);
            remove_files(path, io);
        }
    }
    if (status == RF_OK) status = rf_card_write(exporter, model, options, io, path);
    rf_free(io);
    return status == RF_OK ? rf_card_check(path) : status;
}
