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

static rf_value conv(rf_net *net, rf_value x, const char *name, int index, int channels, int k, int stride,
                     double slope) {
    rf_scope scope = rf_net_enter(net, "%s%d", name, index + 1);
    x = rf_conv_bn_act(
        net, x, (rf_conv_spec){.conv = "0", .bn = "1", .out = channels, .k = k, .stride = stride, .slope = slope});
    rf_net_leave(net, scope);
    return x;
}

rf_status rf_fpn(rf_net *net, const rf_taps *taps, const int *strides, int n, int channels, double slope, bool lateral,
                 rf_value *levels) {
    int laterals;
    rf_value above = RF_NONE; /* what the next level down adds */
    RF_TRY(count_laterals(taps, strides, n, &laterals));
    rf_net_initialiser(net, RF_INIT_XAVIER_UNIFORM);
    rf_scope scope = rf_net_enter(net, "fpn");
    for (int i = 0; i < laterals; i++)
        levels[i] = conv(net, taps->value[tap_of(taps, strides[i])], "output", i, channels, 1, 1, slope);
    for (int i = laterals - 1; i >= 0; i--) {
        rf_value own = levels[i];
        if (i < laterals - 1) {
            rf_scope merge = rf_net_enter(net, "up%d", i + 1);
            rf_value sum = rf_apply2(net->graph, "upsample_add", own, above, "%s", "");
            rf_net_leave(net, merge);
            levels[i] = conv(net, sum, "merge", i, channels, 3, 1, slope);
        }
        above = lateral ? own : levels[i];
    }
    for (int i = laterals; i < n; i++)
        levels[i] = conv(net, i == laterals ? taps->value[taps->n - 1] : levels[i - 1], "extra", i - laterals, channels,
                         3, 2, slope);
    rf_net_leave(net, scope);
    return RF_OK;
}
