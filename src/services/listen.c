/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a socket gets its mode from the umask, as a chmod behind the bind would leave a moment for others. */
#include "services/server.h"

#include "base/file.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static int fail_listen(const char *network, const char *address, int cause, struct sops_err *e)
{
    (void)sops_fail(e, SOPS_E_GENERIC, "cannot listen on %s://%s: %s", network, address, sops_os_error(cause));
    return -1;
}

static int listen_unix(const char *path, struct sops_err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof address.sun_path) {
        (void)sops_fail(e, SOPS_E_GENERIC, "cannot listen on unix://%s: %s", path,
                        n == 0 ? "the path is empty" : "the path is too long");
        return -1;
    }
    memcpy(address.sun_path, path, n + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail_listen("unix", path, errno, e);
    }
    mode_t before = umask(0177);
    int cause = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    (void)umask(before);
    bool ours = cause == 0;
    bool remembered = ours && sops_temp_remember(path, e);
    if (remembered && listen(fd, BACKLOG) != 0) {
        cause = errno;
    }
    if (remembered && cause == 0) {
        return fd;
    }
    (void)close(fd);
    if (ours) {
        (void)unlink(path);
        sops_temp_forget(path);
    }
    if (e->code == SOPS_OK) {
        (void)fail_listen("unix", path, cause, e);
    }
    if (cause == EADDRINUSE) {
        (void)sops_hint(e, "if no other key service is running, remove the file");
    }
    return -1;
}

/* "HOST:PORT", "[V6]:PORT", ":PORT". */
static bool split(const char *address, char *host, size_t room, const char **port, struct sops_err *e)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon != NULL ? (size_t)(colon - address) : 0;
    if (colon == NULL || colon[1] == '\0' || n >= room) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot listen on '%s': it is no HOST:PORT", address);
    }
    bool bracketed = n >= 2 && address[0] == '[' && address[n - 1] == ']';
    n -= bracketed ? 2 : 0;
    memcpy(host, address + (bracketed ? 1 : 0), n);
    host[n] = '\0';
    *port = colon + 1;
    return true;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in;
    memcpy(&in, a, sizeof in);
    return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
}

static int bind_one(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) { /* "[::]" serves IPv4, too */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int cause = errno;
    (void)close(fd);
    errno = cause;
    return -1;
}

static int listen_tcp(struct sops_world *w, const char *network, int family, const char *address, struct sops_err *e)
{
    char host[256];
    const char *port = NULL;
    if (!split(address, host, sizeof host, &port, e)) {
        return -1;
    }
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    int why = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list);
    if (why != 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "cannot listen on %s://%s: %s", network, address, gai_strerror(why));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
        fd = bind_one(a);
        if (fd >= 0 && !is_loopback(a->ai_addr)) {
            sops_world_warn(w,
                            "%s is open to other machines: whoever reaches it can use the keys of this one, and what "
                            "is sent is not encrypted",
                            address);
        }
    }
    int cause = errno;
    freeaddrinfo(list);
    return fd >= 0 ? fd : fail_listen(network, address, cause, e);
}

int sops_listen(struct sops_world *w, const char *network, const char *address, struct sops_err *e)
{
    static const struct {
        const char *name;
        int family;
    } networks[] = {{"tcp", AF_UNSPEC}, {"tcp4", AF_INET}, {"tcp6", AF_INET6}};
    if (strcmp(network, "unix") == 0) {
        return listen_unix(address, e);
    }
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (strcmp(network, networks[i].name) == 0) {
            return listen_tcp(w, network, networks[i].family, address, e);
        }
    }
    (void)sops_fail(e, SOPS_E_GENERIC, "cannot listen: unknown network '%s'", network);
    (void)sops_hint(e, "the networks are tcp, tcp4, tcp6 and unix");
    return -1;
}
