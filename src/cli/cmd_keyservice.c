/* SPDX-License-Identifier: Apache-2.0 */
/* Ends with status 0 when it is told to stop, also when a connection was open (spec 60 section 10.3). */
#include "cli/command.h"
#include "cli/ui.h"
#include "services/server.h"

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const char *network = sops_opt(o, "network"), *address = sops_opt(o, "address");
    const struct sops_server server = {
        .network = network != NULL ? network : "tcp",
        .address = address != NULL ? address : "127.0.0.1:5000",
        .verbose = sops_opt_on(o, "verbose"),
        .confirm = sops_opt_on(o, "prompt") ? sops_ui_confirm : NULL,
    };
    return sops_server_run(w, &server, e) || sops_within(e, "key service");
}

static const struct sops_option options[] = {
    {.name = "network",
     .short_name = "net",
     .kind = SOPS_OPT_TEXT,
     .value = "NAME",
     .help = "tcp, tcp4, tcp6 or unix (default: tcp)"},
    {.name = "address",
     .short_name = "addr",
     .kind = SOPS_OPT_TEXT,
     .value = "ADDRESS",
     .help = "where to listen: HOST:PORT, or the path of a socket (default: 127.0.0.1:5000)"},
    {.name = "prompt", .help = "ask before each answer"},
    {.name = "verbose",
     .flags = SOPS_OPT_GLOBAL,
     .help = "say where it listens, what is asked, and which connections broke"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"SERVICE", options};
static const struct sops_opt_table *const tables[] = {&table, NULL};

const struct sops_verb sops_verb_keyservice = {
    .name = "keyservice",
    .summary = "let other machines use the keys of this one",
    .args = "",
    .about = "Wraps and unwraps data keys for programs elsewhere (the key services of\n"
             "other commands), with the keys and credentials of this machine. Runs until SIGINT or\n"
             "SIGTERM. The connection is neither encrypted nor protected by a password: whoever\n"
             "reaches it can use the keys. The socket of \"unix\" is for the same user only.\n",
    .example = "sops keyservice --network unix --address /run/user/1000/sops.sock",
    .tables = tables,
    .run = run,
};
