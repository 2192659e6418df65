/* SPDX-License-Identifier: Apache-2.0 */
/* Ends with status 0 when it is told to stop, also when a connection was open
 * (docs/spec/60-keysources.md#key-service-server). */
#include "cli/command.h"
#include "cli/ui.h"
#include "services/server.h"

struct keyservice_options {
    const char *network, *address;
    bool prompt;
};

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct keyservice_options *own = o->own;
    const char *network = own->network, *address = own->address;
    const struct sops_server server = {
        .network = network != NULL ? network : "tcp",
        .address = address != NULL ? address : "127.0.0.1:5000",
        .confirm = own->prompt ? sops_ui_confirm : NULL,
    };
    return sops_server_run(w, &server, e) || sops_within(e, "key service");
}

static const struct sops_option options[] = {
    {.name = "network",
     .short_name = "net",
     SOPS_TEXT_TO(struct keyservice_options, network),
     .value = "NAME",
     .help = "tcp, tcp4, tcp6 or unix (default: tcp)"},
    {.name = "address",
     .short_name = "addr",
     SOPS_TEXT_TO(struct keyservice_options, address),
     .value = "ADDRESS",
     .help = "where to listen: HOST:PORT, or the path of a socket (default: 127.0.0.1:5000)"},
    {.name = "prompt", SOPS_FLAG_TO(struct keyservice_options, prompt), .help = "ask before each answer"},
    {.name = "verbose",
     SOPS_FLAG_TO(struct sops_shared, verbose),
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
    .own_size = sizeof(struct keyservice_options),
    .run = run,
};
