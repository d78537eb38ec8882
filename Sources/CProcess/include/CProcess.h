// What a process knows of itself, and neither Swift's library nor its module for libc gives away cheaply.
#ifndef CPROCESS_H
#define CPROCESS_H

/// The arguments that the process was started with, `count` of them, the program's name first.
char **processArguments(int *count);

/// Names the calling thread; the system keeps the first 15 bytes.
void setThreadName(const char *name);

#endif
