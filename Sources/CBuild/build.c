#include "CBuild.h"

#ifndef DCMSCU_COMMIT
#define DCMSCU_COMMIT ""
#endif
#ifndef DCMSCU_COMPILER
#define DCMSCU_COMPILER __VERSION__
#endif

const char *buildCommit(void) { return DCMSCU_COMMIT; }

const char *buildCompiler(void) { return DCMSCU_COMPILER; }
