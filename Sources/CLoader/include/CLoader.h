// Libraries of the system that are opened at their first use and never linked: a run that does not need one does not pay for it, and the
// program starts where one is missing.
#ifndef CLOADER_H
#define CLOADER_H

#include <stddef.h>

/// Opens a library of the system by its name, such as "libz.so.1"; one in the folder of the program is never opened.
/// Returns NULL if it cannot be opened; then `problem` is the reason, which names the library and stays valid.
void *openSystemLibrary(const char *name, const char **problem);

/// Returns the address of a function of a library that is open, or NULL; then `problem` names the function and the library.
void *findFunction(void *library, const char *libraryName, const char *name, const char **problem);

// MARK: For the functions.c of a library

// The function NAME jumps to where NAME of the library is, once that is open. Its declaration is the one in the library's own header.
#if defined(__x86_64__)
#define CLOADER_JUMP(NAME) "jmpq *found_" #NAME "(%rip)\n"
#elif defined(__aarch64__)
#define CLOADER_JUMP(NAME) "adrp x16, found_" #NAME "\n ldr x16, [x16, :lo12:found_" #NAME "]\n br x16\n"
#else
#error "CLOADER_JUMP: a jump through a variable is missing for this processor"
#endif

#define CLOADER_DEFINE(NAME)                                                                                            \
    __attribute__((used, visibility("hidden"))) void *found_##NAME;                                                     \
    __asm__(".text\n.p2align 4\n.globl " #NAME "\n.hidden " #NAME "\n.type " #NAME ", %function\n" #NAME ":\n"          \
            CLOADER_JUMP(NAME) ".size " #NAME ", . - " #NAME "\n");

#define CLOADER_FIND(NAME)                                                                                              \
    if ((found_##NAME = findFunction(library, libraryName, #NAME, &problem)) == NULL) return;

// Defines the functions that the macro FUNCTIONS lists, and OPEN, which opens the library at its first call. It returns NULL, or the reason
// why the library cannot be used; in that case, and before it was called, none of the functions may be called.
#define CLOADER_LIBRARY(OPEN, LIBRARY_NAME, FUNCTIONS)                                                                  \
    FUNCTIONS(CLOADER_DEFINE)                                                                                           \
    static const char *problem;                                                                                         \
    static void findAll(void) {                                                                                         \
        const char *libraryName = LIBRARY_NAME;                                                                         \
        void *library = openSystemLibrary(libraryName, &problem);                                                       \
        if (library == NULL) return;                                                                                    \
        FUNCTIONS(CLOADER_FIND)                                                                                         \
    }                                                                                                                   \
    const char *OPEN(void) {                                                                                            \
        static pthread_once_t once = PTHREAD_ONCE_INIT;                                                                 \
        pthread_once(&once, findAll);                                                                                   \
        return problem;                                                                                                 \
    }

#endif
