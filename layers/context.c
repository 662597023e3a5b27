/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/context.h"

#define RF_CONTEXT(name) extern const rf_context rf_context_##name;
#include "layers/contexts.def"
#undef RF_CONTEXT

static const void *const contexts[] = {
#define RF_CONTEXT(name) &rf_context_##name,
#include "layers/contexts.def"
#undef RF_CONTEXT
};

RF_REGISTRY_DEFINE(context, rf_context, contexts, e->build && e->doc, .what = "context module")

rf_value rf_context_build(rf_net *net, const rf_context *context, rf_value x, int index, double slope,
                          rf_deform deform) {
    if (!context->scope) return context->build(net, x, slope, deform);
    rf_net_initialiser(net, RF_INIT_XAVIER_UNIFORM);
    rf_scope scope = rf_net_enter(net, "%s%d", context->scope, index + 1);
    x = context->build(net, x, slope, deform);
    rf_net_leave(net, scope);
    return x;
}

int rf_context_width(const rf_net *net, rf_value x) {
    return net->context_channels > 0 ? net->context_channels : rf_net_channels(net, x);
}

rf_value rf_context_conv(rf_net *net, rf_value x, const char *name, int out, double slope, rf_deform deform) {
    rf_scope scope = rf_net_enter(net, "%s", name);
    x = rf_conv_bn_act(
        net, x,
        (rf_conv_spec){.conv = "0", .bn = "1", .out = out, .k = 3, .stride = 1, .slope = slope, .deform = deform});
    rf_net_leave(net, scope);
    return x;
}
