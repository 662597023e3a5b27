#include "layers/fpn.h"

static int tap_of(const rf_taps *taps, int stride) {
    for (int i = 0; i < taps->n; i++)
        if (taps->stride[i] == stride) return i;
    return -1;
}

/* How many of the levels are laterals of the backbone; the others are extra levels. */
static rf_status count_laterals(const rf_taps *taps, const int *strides, int n, int *laterals) {
    *laterals = 0;
    int last = taps->stride[taps->n - 1];
    for (int i = 0; i < n; i++) {
        if (i > 0 && strides[i] != 2 * strides[i - 1])
            return rf_fail(RF_ERR_USER, "model.strides: %d follows %d; each stride must be twice the one before",
                           strides[i], strides[i - 1]);
        if (tap_of(taps, strides[i]) >= 0)
            *laterals = i + 1;
        else if (strides[i] < last)
            return rf_fail(RF_ERR_USER, "model.strides: the backbone has no map of stride %d, its strides are %d to %d",
                           strides[i], taps->stride[0], last);
        else if (i == 0)
            return rf_fail(RF_ERR_USER,
                           "model.strides: the first stride is %d; it must be one of the backbone's, %d to %d",
                           strides[i], taps->stride[0], last);
    }
    return RF_OK;
}

static rf_value conv(rf_net *net, rf_value x, const char *name, int index, const rf_pyramid *p, int k, int stride,
                     rf_deform deform) {
    rf_scope scope = rf_net_enter(net, "%s%d", name, index + 1);
    x = rf_conv_bn_act(
        net, x,
        (rf_conv_spec){
            .conv = "0", .bn = "1", .out = p->channels, .k = k, .stride = stride, .slope = p->slope, .deform = deform});
    rf_net_leave(net, scope);
    return x;
}

rf_status rf_fpn(rf_net *net, const rf_taps *taps, const int *strides, int n, const rf_pyramid *p, rf_value *levels) {
    int laterals;
    rf_value above = RF_NONE; /* what the next level down adds */
    RF_TRY(count_laterals(taps, strides, n, &laterals));
    rf_net_initialiser(net, RF_INIT_XAVIER_UNIFORM);
    rf_scope scope = rf_net_enter(net, "fpn");
    for (int i = 0; i < laterals; i++)
        levels[i] = conv(net, taps->value[tap_of(taps, strides[i])], "output", i, p, 1, 1, RF_DEFORM_NONE);
    for (int i = laterals - 1; i >= 0; i--) {
        rf_value own = levels[i];
        if (i < laterals - 1) {
            rf_scope merge = rf_net_enter(net, "up%d", i + 1);
            rf_value sum =
                rf_apply2(net->graph, p->bilinear ? "upsample_bilinear_add" : "upsample_add", own, above, "%s", "");
            rf_net_leave(net, merge);
            levels[i] = conv(net, sum, "merge", i, p, 3, 1, p->merge_deform);
        }
        above = p->lateral ? own : levels[i];
    }
    for (int i = laterals; i < n; i++) {
        bool from_backbone = i == laterals && !p->extra_from_p;
        levels[i] = conv(net, from_backbone ? taps->value[taps->n - 1] : levels[i - 1], "extra", i - laterals, p, 3, 2,
                         RF_DEFORM_NONE);
    }
    rf_net_leave(net, scope);
    return RF_OK;
}
