/* SPDX-License-Identifier: Apache-2.0 */
/* Files that people have and that are no annotations to convert: what they are, and the way to some that are. */
#include <string.h>

#include "data/image_line.h"
#include "data/sniff.h"

#define BYTES(example) example, sizeof(example) - 1

static bool begins(const char *text, size_t bytes, const char *mark, size_t n) {
    return bytes >= n && memcmp(text, mark, n) == 0;
}

static bool is_zip(const char *text, size_t bytes) {
    return begins(text, bytes, "PK\3\4", 4);
}

static bool is_gzip(const char *text, size_t bytes) {
    return begins(text, bytes, "\x1f\x8b", 2);
}

static bool is_sqlite(const char *text, size_t bytes) {
    return begins(text, bytes, "SQLite format 3", 15);
}

static bool is_mat(const char *text, size_t bytes) {
    return begins(text, bytes, "MATLAB 5.0", 10) || begins(text, bytes, "MATLAB 7", 8);
}

static bool is_hdf5(const char *text, size_t bytes) {
    return begins(text, bytes, "\x89HDF\r\n", 6);
}

static bool is_parquet(const char *text, size_t bytes) {
    return begins(text, bytes, "PAR1", 4);
}

static bool is_numpy(const char *text, size_t bytes) {
    return begins(text, bytes, "\x93NUMPY", 6);
}

static bool is_pickle(const char *text, size_t bytes) {
    return bytes > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
}

static bool is_picture(const char *text, size_t bytes) {
    return begins(text, bytes, "\xff\xd8\xff", 3) || begins(text, bytes, "\x89PNG", 4);
}

static bool is_utf16(const char *text, size_t bytes) {
    return begins(text, bytes, "\xff\xfe", 2) || begins(text, bytes, "\xfe\xff", 2);
}

static bool is_html(const char *text, size_t bytes) {
    return rf_sniff_element(text, bytes, "html") || rf_sniff_element(text, bytes, "HTML");
}

static bool is_coco_results(const char *text, size_t bytes) {
    static const char *const keys[] = {"image_id", "bbox", "score", NULL};
    return rf_sniff_keys(text, bytes, 1, keys) == 7;
}

static bool is_vott(const char *text, size_t bytes) {
    static const char *const keys[] = {"assets", "tags", NULL}, *const asset[] = {"asset", "regions", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 3 || rf_sniff_keys(text, bytes, 0, asset) == 3;
}

static bool is_supervisely(const char *text, size_t bytes) {
    static const char *const keys[] = {"size", "objects", "tags", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 7;
}

static bool is_labelbox(const char *text, size_t bytes) {
    static const char *const new[] = {"data_row", "projects", NULL}, *const old[] = {"Labeled Data", "Label", NULL};
    return rf_sniff_keys(text, bytes, 0, new) == 3 || rf_sniff_keys(text, bytes, 1, new) == 3 ||
           rf_sniff_keys(text, bytes, 1, old) == 3;
}

static bool is_ground_truth(const char *text, size_t bytes) {
    static const char *const keys[] = {"source-ref", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 1;
}

static bool is_datumaro(const char *text, size_t bytes) {
    static const char *const keys[] = {"categories", "items", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 3;
}

static bool is_darwin(const char *text, size_t bytes) {
    static const char *const keys[] = {"item", "annotations", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 3;
}

static bool is_scalabel(const char *text, size_t bytes) {
    static const char *const keys[] = {"name", "labels", NULL};
    return rf_sniff_keys(text, bytes, 1, keys) == 3;
}

/* "p.jpg 10 20 60 70" a line: nobody can tell whether corners or sizes follow. A kind or a score may stand behind. */
static bool is_face_a_line(const char *text, size_t bytes) {
    enum { LINES = 20 };
    static const char others[] = ",;";
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    int lines = 0;
    for (; lines < LINES && rf_lines_next(&reader); lines++) {
        size_t n = rf_line_image(&reader, others);
        const char *at = reader.line + n, *end = reader.line + reader.length;
        double value;
        int numbers = 0;
        if (!n || *reader.line == '#') return false;
        while (at < end && strchr(" \t,;", *at)) at++;
        while (at < end && numbers < 4 && rf_word_number(&at, end, others, &value)) numbers++;
        if (numbers < 4) return false;
    }
    return lines > 0;
}

const rf_foreign rf_foreigns[] = {
    {"a zip archive", "unpack it and name the folder", BYTES("PK\3\4\0\0"), is_zip},
    {"a gzip archive", "unpack it first", BYTES("\x1f\x8b\x08"), is_gzip},
    {"an SQLite data base (as AFLW's)", "export its tables as CSV with a header (path,x,y,w,h), then --from csv",
     BYTES("SQLite format 3\0"), is_sqlite},
    {"a MATLAB file", "WIDER FACE comes as text too: wider_face_split/wider_face_*_bbx_gt.txt",
     BYTES("MATLAB 5.0 MAT-file"), is_mat},
    {"an HDF5 file", "export its annotations as COCO JSON or as CSV with a header (path,x,y,w,h)",
     BYTES("\x89HDF\r\n\x1a\n"), is_hdf5},
    {"a Parquet file", "write it as CSV with a header (path,x,y,w,h), as by pandas' to_csv, then --from csv",
     BYTES("PAR1\x15"), is_parquet},
    {"a NumPy file", "write it as CSV with a header (path,x,y,w,h), then --from csv", BYTES("\x93NUMPY\1\0"), is_numpy},
    {"a Python pickle", "nothing in it is run; write it as COCO JSON or as CSV with a header (path,x,y,w,h)",
     BYTES("\x80\4\x95"), is_pickle},
    {"a picture", "name the annotation file, or the folder of the data set", BYTES("\xff\xd8\xff\xe0"), is_picture},
    {"text in UTF-16", "save it as UTF-8",
     BYTES("\xff\xfe"
           "a\0"),
     is_utf16},
    {"a web page", "download the file itself (\"raw\")", BYTES("<!DOCTYPE html>\n<html><head>"), is_html},
    {"COCO's results, which are detections", "annotations are in instances_*.json; to score detections: rf-eval",
     BYTES("[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3, 4], \"score\": 0.5}]"), is_coco_results},
    {"VoTT's JSON", "in VoTT export as Pascal VOC or CSV, then --from voc or --from csv",
     BYTES("{\"name\": \"x\", \"tags\": [], \"assets\": {}}"), is_vott},
    {"Supervisely's JSON", "export with its app \"Export to COCO\", then --from coco",
     BYTES("{\"tags\": [], \"size\": {\"height\": 80, \"width\": 100}, \"objects\": []}"), is_supervisely},
    {"Labelbox's JSON", "convert it with labelbox's own coco converter (pip install labelbox), then --from coco",
     BYTES("{\"data_row\": {\"id\": \"x\"}, \"projects\": {}}"), is_labelbox},
    {"a manifest of SageMaker Ground Truth", "write COCO JSON of it (AWS has a notebook for it), then --from coco",
     BYTES("{\"source-ref\": \"s3://b/photo.jpg\"}"), is_ground_truth},
    {"Datumaro's JSON", "export by `datum convert -f coco`, then --from coco",
     BYTES("{\"info\": {}, \"categories\": {}, \"items\": []}"), is_datumaro},
    {"V7 Darwin's JSON", "export by `darwin dataset export` and `darwin dataset convert ... coco`, then --from coco",
     BYTES("{\"version\": \"2.0\", \"item\": {\"name\": \"photo.jpg\"}, \"annotations\": []}"), is_darwin},
    {"Scalabel's (BDD100K's) JSON", "convert it by `python -m bdd100k.label.to_coco`, then --from coco",
     BYTES("[{\"name\": \"photo.jpg\", \"labels\": []}]"), is_scalabel},
    {"one face a line, an image and four numbers",
     "only you can tell what the numbers are: --from csv --columns path,x1,y1,x2,y2 for corners, --columns "
     "path,x,y,w,h for "
     "sizes, - for one that is not read",
     BYTES("photo.jpg 10 20 30 40\n"), is_face_a_line},
};
const size_t rf_foreign_count = sizeof rf_foreigns / sizeof *rf_foreigns;
