/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "data/image_kind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define CONVERT "; convert it to JPEG or PNG"
#define AGAIN "; download it again"

/* The first row whose bytes stand at its place wins. */
typedef struct signature {
    size_t at, n;
    const char *bytes, *kind;
} signature;
#define AT(place, text, kind)                                                                                          \
    { place, sizeof text - 1, text, kind }

static const signature signatures[] = {
    AT(8, "WEBP", "a WebP image" CONVERT),
    AT(4, "ftypavif", "an AVIF image" CONVERT),
    AT(4, "ftypavis", "an AVIF image" CONVERT),
    AT(4, "ftypheic", "a HEIC image (a phone's)" CONVERT),
    AT(4, "ftypheix", "a HEIC image (a phone's)" CONVERT),
    AT(4, "ftyphevc", "a HEIC sequence" CONVERT),
    AT(4, "ftyphei", "a HEIC image (a phone's)" CONVERT),
    AT(4, "ftypmif1", "a HEIF image (HEIC or AVIF)" CONVERT),
    AT(4, "ftypmsf1", "a HEIF image sequence" CONVERT),
    AT(4, "ftypcrx ", "a camera's raw file (CR3)" CONVERT),
    AT(4, "ftyp", "a film (MP4 or MOV); take its frames as JPEG or PNG"),
    AT(0, "GIF8", "a GIF image" CONVERT),
    AT(0, "BM", "a BMP image" CONVERT),
    AT(0, "II*\0", "a TIFF image, or a camera's raw file" CONVERT),
    AT(0, "MM\0*", "a TIFF image, or a camera's raw file" CONVERT),
    AT(0, "II+\0", "a BigTIFF image" CONVERT),
    AT(0, "MM\0+", "a BigTIFF image" CONVERT),
    AT(0, "\xFF\x0A", "a JPEG XL image" CONVERT),
    AT(4, "JXL ", "a JPEG XL image" CONVERT),
    AT(4, "jP  ", "a JPEG 2000 image" CONVERT),
    AT(0, "\xFF\x4F\xFF\x51", "a JPEG 2000 image" CONVERT),
    AT(0, "\0\0\1\0", "an icon (ICO)" CONVERT),
    AT(0, "8BPS", "a Photoshop file" CONVERT),
    AT(0, "gimp xcf", "a GIMP file" CONVERT),
    AT(0, "qoif", "a QOI image" CONVERT),
    AT(0, "DDS ", "a DDS texture" CONVERT),
    AT(0, "v/1\1", "an OpenEXR image" CONVERT),
    AT(0, "#?RADIANCE", "a Radiance image" CONVERT),
    AT(0, "FUJIFILM", "a camera's raw file (RAF)" CONVERT),
    AT(0, "\x89PN", "the beginning of a PNG, damaged" AGAIN),
    AT(0, "\xFF\xD8", "the beginning of a JPEG without the rest" AGAIN),
    AT(0, "%PDF", "a PDF document; take its pictures out of it"),
    AT(0, "PK\3\4", "a ZIP archive (or an office document); unpack it"),
    AT(0, "\x1F\x8B", "a gzip archive; unpack it"),
    AT(0, "7z\xBC\xAF", "a 7z archive; unpack it"),
    AT(0, "Rar!", "a RAR archive; unpack it"),
    AT(0, "RIFF", "an AVI film or a sound; take its frames as JPEG or PNG"),
    AT(0, "\x1A\x45\xDF\xA3", "a film (MKV or WebM); take its frames as JPEG or PNG"),
    AT(0, "\0\5\x16\7", "what macOS keeps beside a file, not the picture itself; leave it out"),
    AT(0, "bplist00", "a property list of macOS, not the picture itself; leave it out"),
    AT(0, "L\0\0\0\1\x14\2\0", "a shortcut of Windows; copy the picture itself"),
    AT(0, "IntxLNK\1", "a link made by Cygwin; copy the picture itself"),
    AT(0, "!<symlink>", "a link made by Cygwin; copy the picture itself"),
    AT(0, "\x93NUMPY", "a NumPy array; save it as PNG"),
};

static bool begins(const char *text, size_t n, const char *word) {
    size_t length = strlen(word);
    return n >= length && strncasecmp(text, word, length) == 0;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Text that was saved under a picture's name: what a server, a version control system or a tool put there. */
static const char *text_kind(const char *text, size_t n) {
    static const struct {
        const char *begin, *kind;
    } kinds[] = {
        {"version https://git-lfs.github.com/spec/", "a pointer of Git LFS, not the picture itself; run: git lfs pull"},
        {"/annex/objects/", "a pointer of git-annex, not the picture itself; run: git annex get"},
        {"../.git/annex/objects/", "a pointer of git-annex, not the picture itself; run: git annex get"},
        {".git/annex/objects/", "a pointer of git-annex, not the picture itself; run: git annex get"},
        {"outs:", "a pointer of DVC, not the picture itself; run: dvc pull"},
        {"<!doctype html", "an HTML page, as a server sends instead of a picture" AGAIN},
        {"<html", "an HTML page, as a server sends instead of a picture" AGAIN},
        {"<head", "an HTML page, as a server sends instead of a picture" AGAIN},
        {"<body", "an HTML page, as a server sends instead of a picture" AGAIN},
        {"<svg", "an SVG drawing; draw it as PNG"},
        {"data:image/", "a picture written as text (a data URL); decode its base64 part"},
        {"/9j/", "a JPEG written as text (base64); decode it"},
        {"iVBORw0KGgo", "a PNG written as text (base64); decode it"},
        {"http://", "an address, not the picture itself; download it"},
        {"https://", "an address, not the picture itself; download it"},
        {"[InternetShortcut]", "a shortcut to an address, not the picture itself; download it"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(text, n, kinds[i].begin)) return kinds[i].kind;
    bool svg = memmem(text, n, "<svg", 4) != NULL, html = memmem(text, n, "<html", 5) != NULL;
    if (*text == '<' && svg && !html) return "an SVG drawing; draw it as PNG";
    if (*text == '<' && html) return "an HTML page, as a server sends instead of a picture" AGAIN;
    if (*text == '<') return "XML text, often a server's message of an error" AGAIN;
    if (*text == '{' || *text == '[') return "JSON text, often a server's message of an error" AGAIN;
    return "text, no picture" AGAIN;
}

/* No byte below 32 but white space. */
static bool is_text(const uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (data[i] == 127 || (data[i] < 32 && !is_space((char)data[i]) && data[i] != 27)) return false;
    return true;
}

static bool all_same(const uint8_t *data, size_t bytes) {
    for (size_t i = 1; i < bytes; i++)
        if (data[i] != data[0]) return false;
    return true;
}

const char *rf_image_kind(const uint8_t *data, size_t bytes) {
    static const size_t looked_at = 512;
    size_t n = bytes < looked_at ? bytes : looked_at;
    if (bytes == 0) return "an empty file; copy or download it again";
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];
        bool word = s->n == 2 && s->bytes[0] == 'B' && is_text(data, n); /* "BM" begins words, too */
        if (bytes >= s->at + s->n && memcmp(data + s->at, s->bytes, s->n) == 0 && !word) return s->kind;
    }
    size_t mark = n >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (mark < n && is_space((char)data[mark])) mark++;
    if (n > 8 && all_same(data, n))
        return data[0] ? "one byte over and over, as a broken disk or download leaves it" AGAIN
                       : "nothing but zeros, as a download that was cut off or a broken disk leaves it" AGAIN;
    if (mark == n) return "white space, no picture" AGAIN;
    if (n - mark > 2 && data[mark] == 'P' && data[mark + 1] >= '1' && data[mark + 1] <= '7' &&
        is_space((char)data[mark + 2]))
        return "a PNM image (PPM, PGM or PBM)" CONVERT;
    if (is_text(data + mark, n - mark)) return text_kind((const char *)data + mark, n - mark);
    if (n >= 2 && (memcmp(data, "\xFF\xFE", 2) == 0 || memcmp(data, "\xFE\xFF", 2) == 0))
        return "text (UTF-16), no picture" AGAIN;
    return NULL;
}
