/* SPDX-License-Identifier: Apache-2.0 */
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

rf_value rf_pyramid_conv(rf_net *net, rf_value x, const char *name, int index, const rf_pyramid *p, int out, int k,
                         int stride, rf_deform deform) {
    rf_scope scope = rf_net_enter(net, "%s%d", name, index + 1);
    rf_conv_spec spec = {.conv = "0", .bn = "1", .out = out, .k = k, .stride = stride, .slope = p->slope};
    spec.deform = deform;
    if (p->plain)
        x = rf_conv_bias_act(net, x, rf_conv_params(net, "0", rf_net_channels(net, x), out, k, k), stride, false);
    else
        x = rf_conv_bn_act(net, x, spec);
    rf_net_leave(net, scope);
    return x;
}

/* From the top: what each level adds of the one above it, and the 3x3 convolution after the addition. */
static void merge_down(rf_net *net, const rf_pyramid *p, int laterals, rf_value *levels) {
    rf_value above = RF_NONE;
    for (int i = laterals - 1; i >= 0; i--) {
        rf_value own = levels[i], sum = own;
        bool top = i == laterals - 1;
        if (!top) {
            rf_scope merge = rf_net_enter(net, "up%d", i + 1);
            sum = rf_apply2(net->graph, p->bilinear ? "upsample_bilinear_add" : "upsample_add", own, above, "%s", "");
            rf_net_leave(net, merge);
        }
        if (!top || p->sums) levels[i] = rf_pyramid_conv(net, sum, "merge", i, p, p->channels, 3, 1, p->merge_deform);
        above = p->sums ? sum : p->lateral ? own : levels[i];
    }
}

rf_status rf_fpn(rf_net *net, const rf_taps *taps, const int *strides, int n, const rf_pyramid *p, rf_value *levels) {
    int laterals;
    RF_TRY(count_laterals(taps, strides, n, &laterals));
    rf_net_initialiser(net, p->plain ? RF_INIT_NORMAL_001 : RF_INIT_XAVIER_UNIFORM);
    rf_scope scope = rf_net_enter(net, "fpn");
    for (int i = 0; i < laterals; i++)
        levels[i] = rf_pyramid_conv(net, taps->value[tap_of(taps, strides[i])], "output", i, p, p->channels, 1, 1,
                                    RF_DEFORM_NONE);
    rf_value top = levels[laterals - 1];
    merge_down(net, p, laterals, levels);
    for (int i = laterals; i < n; i++) {
        rf_value first = p->extra_from_p ? levels[i - 1] : p->extra_from_l ? top : taps->value[taps->n - 1];
        levels[i] = rf_pyramid_conv(net, i == laterals ? first : levels[i - 1], "extra", i - laterals, p, p->channels,
                                    3, 2, RF_DEFORM_NONE);
    }
    rf_net_leave(net, scope);
    return RF_OK;
}

void rf_step1_maps(rf_net *net, const rf_taps *taps, const int *strides, int n, const rf_pyramid *p, const bool *wanted,
                   rf_value *maps) {
    int last = n - 1, beyond = 0;
    rf_value above = taps->value[taps->n - 1];
    rf_net_initialiser(net, p->plain ? RF_INIT_NORMAL_001 : RF_INIT_XAVIER_UNIFORM);
    rf_scope scope = rf_net_enter(net, "step1");
    while (last >= 0 && !wanted[last]) last--;
    for (int i = 0; i < n; i++) {
        int tap = tap_of(taps, strides[i]);
        maps[i] = RF_NONE;
        if (tap < 0 && i <= last) {
            int half = rf_net_channels(net, above) / 2, out = beyond || half < p->channels ? p->channels : half;
            above = rf_pyramid_conv(net, above, "down", beyond++, p, out, 3, 2, RF_DEFORM_NONE);
        }
        if (wanted[i])
            maps[i] = rf_pyramid_conv(net, tap < 0 ? above : taps->value[tap], "map", i, p, p->channels, 1, 1,
                                      RF_DEFORM_NONE);
    }
    rf_net_leave(net, scope);
}
