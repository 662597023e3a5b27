/* SPDX-License-Identifier: Apache-2.0 */
/* What deform_conv2d and deform_conv_act share: deformable convolution (Dai et al. 2017, arXiv 1703.06211; with a mask
 * Zhu et al. 2018, arXiv 1811.11168) in the conventions of torchvision.ops.deform_conv2d. Some rows of an image at a
 * time are sampled into columns [pixels, taps*c], which the matrix product of a 1x1 convolution multiplies with w: so
 * many rows that the columns stay in the cache. */
#ifndef RF_AUTOGRAD_OPS_DEFORM_CONV_H
#define RF_AUTOGRAD_OPS_DEFORM_CONV_H

#include "autograd/kernels/conv.h"
#include "autograd/op.h"

enum { RF_DEFORM_X, RF_DEFORM_OFFSET, RF_DEFORM_MASK, RF_DEFORM_W, RF_DEFORM_B };
enum { RF_DEFORM_STRIDE, RF_DEFORM_PAD, RF_DEFORM_SLOPE };

#define RF_DEFORM_ATTRS                                                                                                \
    {"stride", RF_ATTR_INT, 1, 1, 64, "step of the kernel"}, {                                                         \
        "pad", RF_ATTR_INT, 0, 0, 64, "zeros around the map"                                                           \
    }

typedef struct rf_deform_dims {
    int n, h, w, c, kh, kw, oh, ow, oc, stride, pad;
    size_t taps, pixels; /* of the kernel; of an output map */
} rf_deform_dims;

/* Where a tap reads: between four pixels (top left, top right, bottom left, bottom right) of the image. */
typedef struct rf_deform_tap {
    int corner[4];  /* number of the pixel in its image, -1: outside, which counts as 0 */
    rf_real fy, fx; /* distance from the top and left pixels, 0 to 1 */
} rf_deform_tap;

/* Shapes and attributes of the call; out[0] must have been inferred. */
rf_deform_dims rf_deform_dims_of(const rf_call *call);
/* out[0].shape from x [n,h,w,c], offset [n,oh,ow,2*taps] (dy, dx of each tap), ?mask [n,oh,ow,taps], w [kh,kw,c,oc] and
 * ?b [oc]; RF_ERR_USER says which does not fit. */
rf_status rf_deform_infer(const char *op, rf_call *call);
double rf_deform_flops(const rf_call *call);

/* A band: `rows` rows of the output of image n from `top` on. */
typedef struct rf_deform_band {
    int n, top, rows;
    size_t first, pixels; /* its pixels in the output map of the image */
} rf_deform_band;
/* Steps through the bands of all images; begin with {0}. False after the last one. */
bool rf_deform_next(const rf_deform_dims *d, rf_deform_band *band);

/* The product of columns and w for a band of so many rows. */
rf_conv_dims rf_deform_product(const rf_deform_dims *d, int rows);
/* Bytes of a pass: taps and columns of a band (each a multiple of 64), then what the product of any band needs. */
size_t rf_deform_workspace(const rf_deform_dims *d, rf_conv_pass pass);
size_t rf_deform_taps_bytes(const rf_deform_dims *d);
size_t rf_deform_columns_bytes(const rf_deform_dims *d);

/* taps [pixels * taps] of a band, in parallel. */
void rf_deform_locate(const rf_call *call, const rf_deform_dims *d, const rf_deform_band *band, rf_deform_tap *taps);
/* Weights of the four corners. */
void rf_deform_weights(const rf_deform_tap *tap, rf_real weights[4]);
/* columns = mask * x sampled at the taps of the band, in parallel. */
void rf_deform_sample(const rf_call *call, const rf_deform_dims *d, const rf_deform_band *band,
                      const rf_deform_tap *taps, rf_real *columns);

/* y = act(deformable convolution + bias); epilogue NULL: neither. */
void rf_deform_forward(const rf_call *call, const rf_conv_epilogue *epilogue);
/* y = deformable convolution + b, naively. */
void rf_deform_reference(const rf_call *call);
/* Keeps test offsets away from whole pixels, where the gradient jumps. */
void rf_deform_fill(const rf_call *call, int input, rf_real *data, uint64_t seed);

#endif
