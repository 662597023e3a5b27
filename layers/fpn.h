/* Feature pyramid: lateral 1x1 convolutions, top-down up-sampling and addition, 3x3 merge convolutions, each with batch
 * normalisation and activation; levels beyond the backbone by 3x3 stride-2 convolutions (RetinaFace, section 3.2).
 * Names: fpn.output1.., fpn.merge1.., fpn.extra1... */
#ifndef RF_LAYERS_FPN_H
#define RF_LAYERS_FPN_H

#include "layers/backbone.h"

typedef struct rf_pyramid {
    int channels;
    double slope;           /* of all activations */
    bool lateral;           /* a level adds the lateral map above it, not the merged level */
    bool bilinear;          /* up-sampling, else nearest */
    bool extra_from_p;      /* the first extra level reads the last pyramid level, else the backbone's last map */
    rf_deform merge_deform; /* of the merge convolutions */
} rf_pyramid;

/* One level for each of n ascending strides, each [N,h,w,channels]: level i is merge_i(output_i(tap) + up(level i+1)),
 * with `lateral` merge_i(output_i(tap) + up(output_i+1(tap))), the top one output_i alone; a stride past the last tap's
 * comes from extra1 on that tap (or on its level), the next from extra2 on extra1. RF_ERR_USER when the backbone has no
 * such stride or the strides do not double. */
rf_status rf_fpn(rf_net *net, const rf_taps *taps, const int *strides, int n, const rf_pyramid *pyramid,
                 rf_value *levels);

#endif
