/* SPDX-License-Identifier: Apache-2.0 */
/* core/processors.h: quotas of control groups, read from made trees of /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/processors.h"
#include "tests/scratch.h"

static char root[200];
static int made;

/* A fresh tree with these two files. */
static void begin(const char *cgroup, const char *mountinfo) {
    snprintf(root, sizeof root, "%s/tree%d", scratch, made++);
    char path[300];
    snprintf(path, sizeof path, "%s/proc/self", root);
    assert_int_equal(rf_dir_make(path), RF_OK);
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (cgroup) assert_int_equal(rf_file_write_atomic(path, cgroup, strlen(cgroup)), RF_OK);
    snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
    if (mountinfo) assert_int_equal(rf_file_write_atomic(path, mountinfo, strlen(mountinfo)), RF_OK);
}

/* A file of a group: "/sys/fs/cgroup/a" "cpu.max" "max 100000". */
static void put(const char *group, const char *name, const char *text) {
    char path[500];
    snprintf(path, sizeof path, "%s%s", root, group);
    assert_int_equal(rf_dir_make(path), RF_OK);
    snprintf(path, sizeof path, "%s%s/%s", root, group, name);
    assert_int_equal(rf_file_write_atomic(path, text, strlen(text)), RF_OK);
}

static void expect(double quota) {
    double got = rf_processors_quota(root);
    if (!(got > quota - 1e-9 && got < quota + 1e-9)) fail_msg("quota %g, expected %g", got, quota);
}

#define V2 "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1 "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
#define OTHERS                                                                                                         \
    "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"                                                                   \
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"

static void version_2_takes_the_smallest_of_all_around(void **state) {
    (void)state;
    begin("0::/a/b/c\n", OTHERS V2);
    expect(0);
    put("/sys/fs/cgroup/a/b/c", "cpu.max", "max 100000\n");
    expect(0);
    put("/sys/fs/cgroup/a/b", "cpu.max", "250000 100000\n");
    expect(2.5);
    put("/sys/fs/cgroup/a", "cpu.max", "150000 100000\n");
    expect(1.5);
    put("/sys/fs/cgroup/a/b/c", "cpu.max", "90000 50000\n");
    expect(1.5);
    put("/sys/fs/cgroup/a/b/c", "cpu.max", "20000 50000\n");
    expect(0.4);
    put("/sys/fs/cgroup/x", "cpu.max", "1000 100000\n"); /* of others */
    expect(0.4);
}

static void a_container_sees_its_group_at_the_top(void **state) {
    (void)state;
    begin("0::/\n", OTHERS V2);
    put("/sys/fs/cgroup", "cpu.max", "100000 100000\n");
    expect(1);
    /* without a namespace of its own: the mount begins at the group */
    begin("4:cpu,cpuacct:/docker/1234\n0::/\n",
          OTHERS "33 31 0:30 /docker/1234 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
    put("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "320000\n");
    put("/sys/fs/cgroup/cpu", "cpu.cfs_period_us", "100000\n");
    expect(3.2);
    /* a group below the mount's */
    begin("4:cpu,cpuacct:/docker/1234/job\n",
          "33 31 0:30 /docker/1234 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
    put("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu", "cpu.cfs_period_us", "100000\n");
    expect(0);
    put("/sys/fs/cgroup/cpu/job", "cpu.cfs_quota_us", "50000\n");
    put("/sys/fs/cgroup/cpu/job", "cpu.cfs_period_us", "100000\n");
    expect(0.5);
    /* a name that only begins the same is another group */
    begin("0::/docker/12345\n", "33 31 0:30 /docker/1234 /a ro - cgroup2 none rw\n" V2);
    put("/a", "cpu.max", "10000 100000\n");
    put("/sys/fs/cgroup/docker/12345", "cpu.max", "200000 100000\n");
    expect(2);
    /* no mount shows our group: the top of the one that there is */
    begin("0::/../other\n", V2);
    put("/sys/fs/cgroup", "cpu.max", "300000 100000\n");
    expect(3);
}

static void version_1_and_both_at_once(void **state) {
    (void)state;
    begin("12:cpuset:/\n4:cpu,cpuacct:/user/me\n0::/user.slice/me\n",
          OTHERS V1 "9 9 0:9 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/cpu,cpuacct/user/me", "cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/user/me", "cpu.cfs_period_us", "100000\n");
    expect(0);
    put("/sys/fs/cgroup/cpu,cpuacct/user", "cpu.cfs_quota_us", "400000\n");
    expect(0); /* half of a limit is none */
    put("/sys/fs/cgroup/cpu,cpuacct/user", "cpu.cfs_period_us", "100000\n");
    expect(4);
    put("/sys/fs/cgroup/unified/user.slice", "cpu.max", "700000 200000\n");
    expect(3.5);
    put("/sys/fs/cgroup/cpu,cpuacct/user/me", "cpu.cfs_quota_us", "100000\n");
    expect(1);
    put("/sys/fs/cgroup/cpuset", "cpu.cfs_quota_us", "1000\n"); /* not where it belongs */
    put("/sys/fs/cgroup/cpuset", "cpu.cfs_period_us", "100000\n");
    expect(1);
}

static void names_are_taken_as_they_are(void **state) {
    (void)state;
    begin("0::/a b/c:d\n", "31 23 0:28 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
    put("/my groups/a b/c:d", "cpu.max", "120000 100000\n");
    expect(1.2);
    begin("0::/a\n", "31 23 0:28 / / rw - cgroup2 cgroup2 rw\n");
    put("/a", "cpu.max", "130000 100000\n");
    expect(1.3);
}

static void what_cannot_be_read_is_no_limit(void **state) {
    (void)state;
    begin(NULL, NULL);
    expect(0);
    begin("0::/a\n", NULL);
    expect(0);
    begin(NULL, V2);
    put("/sys/fs/cgroup", "cpu.max", "100000 100000\n");
    expect(0);
    begin("x\n:\n0:\n::\n0::/a\n", "\n - \n1 2 3\n1 2 3 4 5 6 -\n - cgroup2\n1 2 3 / /b x - cgroup2\n" V2);
    put("/sys/fs/cgroup/a", "cpu.max", "0 0\n");
    expect(0);
    put("/sys/fs/cgroup/a", "cpu.max", "-5 100000\n");
    expect(0);
    put("/sys/fs/cgroup/a", "cpu.max", "");
    expect(0);
    put("/sys/fs/cgroup/a", "cpu.max", "junk\n");
    expect(0);
    put("/sys/fs/cgroup/a", "cpu.max", "100000\n");
    expect(0);
    put("/sys/fs/cgroup/a", "cpu.max", "110000 100000"); /* no end of line */
    expect(1.1);
    char *text = rf_alloc(20000 + sizeof V2, 1);
    assert_non_null(text);
    memset(text, 'o', 20000); /* overlays have such lines */
    text[19999] = '\n';
    memcpy(text + 20000, V2, sizeof V2);
    begin("0::/a", text);
    put("/sys/fs/cgroup/a", "cpu.max", "140000 100000\n");
    expect(1.4);
    rf_free(text);
}

static void counts_are_rounded_up(void **state) {
    (void)state;
    rf_processors here = rf_processors_find("");
    assert_true(here.mask >= 1 && here.count >= 1 && here.count <= here.mask);
    begin("0::/a\n", V2);
    rf_processors p = rf_processors_find(root);
    assert_int_equal(p.count, p.mask);
    put("/sys/fs/cgroup/a", "cpu.max", "1000 100000\n");
    assert_int_equal(rf_processors_find(root).count, 1);
    put("/sys/fs/cgroup/a", "cpu.max", "100000 100000\n");
    assert_int_equal(rf_processors_find(root).count, 1);
    put("/sys/fs/cgroup/a", "cpu.max", "100001 100000\n");
    assert_int_equal(rf_processors_find(root).count, p.mask < 2 ? p.mask : 2);
    put("/sys/fs/cgroup/a", "cpu.max", "900000000 100000\n");
    assert_int_equal(rf_processors_find(root).count, p.mask);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_takes_the_smallest_of_all_around),
        cmocka_unit_test(a_container_sees_its_group_at_the_top),
        cmocka_unit_test(version_1_and_both_at_once),
        cmocka_unit_test(names_are_taken_as_they_are),
        cmocka_unit_test(what_cannot_be_read_is_no_limit),
        cmocka_unit_test(counts_are_rounded_up),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
