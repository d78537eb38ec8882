// Name servers that never answer: loaded with LD_PRELOAD, it lets every look-up of a name wait for ever. Addresses in numbers are
// read as ever. Each look-up makes the file REACHED first.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    const char *reached = getenv("REACHED");
    if (!name || (hints && hints->ai_flags & AI_NUMERICHOST))
        return ((__typeof__(&getaddrinfo))dlsym(RTLD_NEXT, "getaddrinfo"))(name, service, hints, result);
    if (reached) close(open(reached, O_CREAT | O_WRONLY, 0600));
    for (;;) pause();
}
