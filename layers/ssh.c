#include "layers/ssh.h"

static rf_value branch(rf_net *net, rf_value x, const char *name, int out, double slope) {
    rf_scope scope = rf_net_enter(net, "%s", name);
    x = rf_conv_bn_act(net, x, (rf_conv_spec){.conv = "0", .bn = "1", .out = out, .k = 3, .stride = 1, .slope = slope});
    rf_net_leave(net, scope);
    return x;
}

rf_value rf_ssh(rf_net *net, rf_value x, int index, double slope) {
    int c = rf_net_channels(net, x);
    rf_net_initialiser(net, RF_INIT_XAVIER_UNIFORM);
    rf_scope scope = rf_net_enter(net, "ssh%d", index + 1);
    /* ReLU of a concatenation is the concatenation of ReLUs: done in each branch's last normalisation, it costs no
     * pass. */
    rf_value a = branch(net, x, "conv3X3", c / 2, 0);
    rf_value stem = branch(net, x, "conv5X5_1", c / 4, slope);
    rf_value b = branch(net, stem, "conv5X5_2", c / 4, 0);
    rf_value mid = branch(net, stem, "conv7X7_2", c / 4, slope);
    rf_value d = branch(net, mid, "conv7x7_3", c / 4, 0);
    rf_value y = rf_graph_apply(net->graph, "concat", (const rf_value[]){a, b, d}, 3, "axis=3");
    rf_net_leave(net, scope);
    return y;
}
