// A name with the addresses of ADDRESSES, with spaces between: loaded with LD_PRELOAD, it answers for NAMED in place of the
// name servers.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    __typeof__(&getaddrinfo) real = (__typeof__(&getaddrinfo))dlsym(RTLD_NEXT, "getaddrinfo");
    const char *name = getenv("NAMED"), *addresses = getenv("ADDRESSES");
    if (!node || !name || !addresses || strcmp(node, name) != 0 || (hints && hints->ai_flags & AI_NUMERICHOST))
        return real(node, service, hints, result);
    char *copy = strdup(addresses), *rest = copy, *address;
    struct addrinfo **next = result;
    *result = NULL;
    while ((address = strsep(&rest, " "))) {
        int problem = real(address, service, hints, next);
        if (problem) return problem;
        while (*next) next = &(*next)->ai_next;
    }
    free(copy);
    return 0;
}
