/* SPDX-License-Identifier: Apache-2.0 */
/* The pose of a head as three angles in degrees, yaw, pitch and roll, predicted beside box and landmarks. What is
 * learnt comes from the five landmarks of the picture (ours; a data set with poses would say better): with a = the
 * middle between the eyes, m = that between the corners of the mouth and n = the nose, e = the distance of the eyes,
 *   roll  = angle of the line through the eyes, > 0 clockwise,
 *   yaw   = asin of the nose's shift sideways from the line a m, in shares of 0.65 e, > 0 to the right of the picture,
 *   pitch = 90 degrees times how far the nose is beyond 0.55 of the way from a to m, > 0 down.
 * Rows are angles / 45. In a mirror image yaw and roll change their signs. */
#include <math.h>
#include <string.h>

#include "core/plugin.h"
#include "detect/face.h"
#include "layers/output_kind.h"

enum { YAW, PITCH, ROLL, ANGLES };
static const double unit = 45, degree = 57.29577951308232;

static int width(int n_points) {
    return n_points == RF_POINTS ? ANGLES : 0;
}

static double limited(double x) {
    return x > 1 ? 1 : x < -1 ? -1 : x;
}

static bool target(const rf_face *face, float *row) {
    if (face->n_points != RF_POINTS) return false;
    const float *p = face->points;
    double ex = (double)p[2] - p[0], ey = (double)p[3] - p[1], eyes = hypot(ex, ey);
    double ax = 0.5 * ((double)p[0] + p[2]), ay = 0.5 * ((double)p[1] + p[3]);
    double mx = 0.5 * ((double)p[6] + p[8]) - ax, my = 0.5 * ((double)p[7] + p[9]) - ay, long_way = mx * mx + my * my;
    if (!(eyes > 0 && long_way > 0)) return false;
    double nx = p[4] - ax, ny = p[5] - ay;
    double along = (nx * mx + ny * my) / long_way, side = (nx * my - ny * mx) / sqrt(long_way);
    row[YAW] = (float)(asin(limited(side / (0.65 * eyes))) * degree / unit);
    row[PITCH] = (float)(90 * limited(along - 0.55) / unit);
    row[ROLL] = (float)(atan2(ey, ex) * degree / unit);
    return true;
}

static void mirror(float *row) {
    row[YAW] = -row[YAW];
    row[ROLL] = -row[ROLL];
}

static const rf_output_kind pose = {.name = "pose",
                                    .doc = "yaw, pitch and roll of the head, in 45 degrees",
                                    .width = width,
                                    .target = target,
                                    .mirror = mirror};

rf_status rf_plugin_init(void) {
    return rf_register_output_kind(&pose);
}
