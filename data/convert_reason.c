/* SPDX-License-Identifier: Apache-2.0 */
#include "data/convert_reason.h"

const char *const rf_convert_reason_names[RF_CONVERT_REASONS] = {
    [RF_CONVERT_MISSING] = "images missing",
    [RF_CONVERT_BROKEN] = "images unreadable",
    [RF_CONVERT_SIZE] = "images of another size",
    [RF_CONVERT_WRONG_FILE] = "annotation files that cannot be read",
    [RF_CONVERT_WRONG_IMAGE] = "entries of images that cannot be read",
    [RF_CONVERT_WRONG_FACE] = "entries of faces that cannot be read",
    [RF_CONVERT_WRONG_KIND] = "categories that cannot be read",
    [RF_CONVERT_NO_FACE_LEFT] = "images of which no face can be used",
    [RF_CONVERT_NO_AREA] = "faces without area",
    [RF_CONVERT_OUTSIDE] = "faces outside of their image",
    [RF_CONVERT_NO_BOX] = "shapes that are no boxes",
    [RF_CONVERT_DANGLING] = "annotations of unlisted images",
    [RF_CONVERT_MIXED] = "images annotated by the other rule of EXIF turning",
    [RF_CONVERT_TURNED] =
        "images whose boxes belong to the pictures turned by EXIF, as is recorded beside the annotations",
    [RF_CONVERT_UNSURE] = "images of whose EXIF turning nothing is known, taken as stored",
    [RF_CONVERT_RENAMED] = "images found by another name",
    [RF_CONVERT_DOUBLED] = "images named twice, taken together",
    [RF_CONVERT_REPEATED] = "faces with the box of another, taken once",
    [RF_CONVERT_NO_POINTS] = "faces with five equal landmarks, taken as without",
    [RF_CONVERT_PARTIAL] = "faces with some landmarks, taken as without",
    [RF_CONVERT_OTHER_POINTS] = "faces with other points than are taken, taken as without",
    [RF_CONVERT_REACHES] = "boxes that reach out of their image",
    [RF_CONVERT_FAR_POINT] = "faces with a landmark far outside of the box",
    [RF_CONVERT_MIRRORED] = "faces with left and right landmarks swapped",
    [RF_CONVERT_SHARES] = "boxes that look like shares of the image's size",
    [RF_CONVERT_READ_AS] = "entries that could be read otherwise",
    [RF_CONVERT_COLUMNS] = "columns that are not read",
    [RF_CONVERT_KIND] = "objects of kinds that nobody named",
    [RF_CONVERT_NEGATIVE] = "images without an annotation file, taken as negatives",
    [RF_CONVERT_UNNAMED] = "pictures in the folder that no annotation names",
    [RF_CONVERT_LEAK] = "images of two parts",
};

bool rf_convert_is_note(rf_convert_reason reason) {
    return reason >= RF_CONVERT_TURNED;
}
