// zlib, opened at its first use: see CLoader.h.
#ifndef CZLIB_H
#define CZLIB_H

#include <zlib.h>

/// Opens the library. Returns NULL, or the reason why it cannot be used: then none of its functions may be called.
const char *openZlib(void);

#endif
