/* SPDX-License-Identifier: Apache-2.0 */
/* The faces of a picture.  cc first.c $(pkg-config --cflags --libs rf) -o first && ./first MODEL PHOTO */
#include <rf/detector.h>
#include <stdio.h>

int main(int argc, char **argv) {
    rf_detector *detector = NULL;
    rf_picture picture = {NULL, 0, 0, 0, 0};
    const rf_detection *faces = NULL;
    size_t n = 0, i;
    int failed = argc != 3 || rf_detector_open(argv[1], NULL, &detector) || rf_picture_load(argv[2], &picture) ||
                 rf_detector_detect(detector, &picture, &faces, &n);
    if (failed) fprintf(stderr, "%s\n", argc != 3 ? "usage: first MODEL PHOTO" : rf_last_error());
    for (i = 0; i < n; i++)
        printf("%.2f  %.1f %.1f %.1f %.1f\n", faces[i].score, faces[i].box[0], faces[i].box[1], faces[i].box[2],
               faces[i].box[3]);
    rf_picture_free(&picture);
    rf_detector_close(detector);
    return failed;
}
