/* SPDX-License-Identifier: Apache-2.0 */
/* Linked into every program of the sanitizer builds: a test that clears the environment must not lose this. Without it
 * the leak check crashes over thread-locals of libraries that were opened late. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) { return "intercept_tls_get_addr=0"; }
