// What is known about a build and is in no source: scripts/build defines it, a plain `swift build` does not.
#ifndef CBUILD_H
#define CBUILD_H

/// The commit that was built; empty where nobody has said it.
const char *buildCommit(void);

/// The compiler, as "Swift version 6.3.1"; that of C where nobody has said it, which is of the same toolchain.
const char *buildCompiler(void);

#endif
