/* SPDX-License-Identifier: Apache-2.0 */
/* Which librf a program was compiled with, and which one it runs with. */
#ifndef RF_VERSION_H
#define RF_VERSION_H

#if defined(__GNUC__)
#    define RF_API __attribute__((visibility("default")))
#else
#    define RF_API
#endif

/* Of these headers. Programs compiled with one version run with every later one of the same librf.so.0. */
#define RF_VERSION_MAJOR 0
#define RF_VERSION_MINOR 2
#define RF_VERSION_PATCH 0
#define RF_VERSION_NUMBER (RF_VERSION_MAJOR * 10000 + RF_VERSION_MINOR * 100 + RF_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

/* "0.2.0" of the library that runs: a text that is never freed. Never fails. Thread safe. */
RF_API const char *rf_version(void);
/* RF_VERSION_NUMBER of the library that runs. Never fails. Thread safe. */
RF_API int rf_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
