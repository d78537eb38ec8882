#define _GNU_SOURCE
#include "CLoader.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Where the program is, as the loader of libraries finds it out, too.
static int findOwnFolder(char folder[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    char *end;
    if (length <= 0) return 0;
    folder[length] = 0;
    end = strrchr(folder, '/');
    if (end == NULL) return 0;
    end[end == folder ? 1 : 0] = 0;
    return 1;
}

/// The folders in which libraries are searched for this program; NULL if they cannot be listed.
static Dl_serinfo *searchPath(void) {
    void *program = dlopen(NULL, RTLD_LAZY);
    Dl_serinfo size, *path;
    if (program == NULL || dlinfo(program, RTLD_DI_SERINFOSIZE, &size) != 0) return NULL;
    path = malloc(size.dls_size);
    if (path == NULL) return NULL;
    path->dls_size = size.dls_size;
    path->dls_cnt = size.dls_cnt;
    if (dlinfo(program, RTLD_DI_SERINFO, path) == 0) return path;
    free(path);
    return NULL;
}

/// What dlerror says of the last failure, to be kept.
static const char *kept(const char *words) {
    const char *copy = words == NULL ? NULL : strdup(words);
    return copy == NULL ? "a library of the system cannot be opened" : copy;
}

void *openSystemLibrary(const char *name, const char **problem) {
    char ownFolder[PATH_MAX];
    Dl_serinfo *path = findOwnFolder(ownFolder) ? searchPath() : NULL;
    void *library = NULL;
    int isOwnSearched = 0;
    *problem = NULL;
    for (unsigned index = 0; path != NULL && index < path->dls_cnt; index++) {
        isOwnSearched |= strcmp(path->dls_serpath[index].dls_name, ownFolder) == 0;
    }
    if (!isOwnSearched) {
        library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
        if (library == NULL) *problem = kept(dlerror());
    }
    // `swift build` has the folder of the program searched first, unless it is told otherwise: the others are those of the system.
    for (unsigned index = 0; isOwnSearched && index < path->dls_cnt; index++) {
        const char *folder = path->dls_serpath[index].dls_name;
        char file[PATH_MAX];
        int length = snprintf(file, sizeof file, "%s/%s", folder, name);
        if (strcmp(folder, ownFolder) == 0 || length >= (int)sizeof file || access(file, F_OK) != 0) continue;
        library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
        if (library == NULL) *problem = kept(dlerror());
        break;
    }
    free(path);
    if (library == NULL && *problem == NULL) {
        char words[256];
        snprintf(words, sizeof words, "%s: cannot open shared object file: No such file or directory", name);
        *problem = kept(words);
    }
    return library;
}

void *findFunction(void *library, const char *libraryName, const char *name, const char **problem) {
    void *found = dlsym(library, name);
    char sentence[256];
    if (found == NULL) {
        snprintf(sentence, sizeof sentence, "%s has no %s: it is of another version", libraryName, name);
        *problem = kept(sentence);
    }
    return found;
}
