// What a process knows of itself, and neither Swift's library nor its module for libc gives away cheaply.
#ifndef CPROCESS_H
#define CPROCESS_H

/// The arguments that the process was started with, `count` of them, the program's name first.
char **processArguments(int *count);

/// Names the calling thread; the system keeps the first 15 bytes.
void setThreadName(const char *name);

/// A descriptor that is readable once a number was written to it, eight bytes that are not all zero, until it is read. It neither blocks
/// nor passes to child processes. -1, with errno, if there are no descriptors left.
int makeEvent(void);

#endif
