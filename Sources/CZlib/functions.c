#include <pthread.h>

#include "CLoader.h"

const char *openZlib(void);

#define FUNCTIONS(F)                                                                                                    \
    F(deflateInit2_) F(deflate) F(deflateEnd)                                                                           \
    F(inflateInit2_) F(inflate) F(inflateEnd)

CLOADER_LIBRARY(openZlib, "libz.so.1", FUNCTIONS)
