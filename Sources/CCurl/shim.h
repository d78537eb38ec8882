// What this program uses of libcurl, which is opened at the first peer over HTTP and never linked: the types and numbers of its
// interface, which are fixed since 7.1, and calls through the addresses that dlsym has found. Functions of variable arguments cannot be
// called from Swift: there is one call here for each type of an argument.
#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H

#include <stddef.h>
#include <stdint.h>

// MARK: Numbers

static const long cCURL_GLOBAL_DEFAULT = 3;

enum {
    cCURLOPT_WRITEDATA = 10001, cCURLOPT_URL = 10002, cCURLOPT_PROXY = 10004, cCURLOPT_READDATA = 10009,
    cCURLOPT_ERRORBUFFER = 10010, cCURLOPT_WRITEFUNCTION = 20011, cCURLOPT_READFUNCTION = 20012,
    cCURLOPT_USERAGENT = 10018, cCURLOPT_HTTPHEADER = 10023, cCURLOPT_HEADERDATA = 10029,
    cCURLOPT_CUSTOMREQUEST = 10036, cCURLOPT_POST = 47, cCURLOPT_SSL_VERIFYPEER = 64, cCURLOPT_HEADERFUNCTION = 20079,
    cCURLOPT_HTTPGET = 80, cCURLOPT_SSL_VERIFYHOST = 81, cCURLOPT_BUFFERSIZE = 98, cCURLOPT_NOSIGNAL = 99,
    cCURLOPT_SSL_CTX_FUNCTION = 20108, cCURLOPT_SSL_CTX_DATA = 10109, cCURLOPT_POSTFIELDSIZE_LARGE = 30120,
    cCURLOPT_TCP_NODELAY = 121, cCURLOPT_CONNECTTIMEOUT_MS = 156, cCURLOPT_SEEKFUNCTION = 20167,
    cCURLOPT_SEEKDATA = 10168, cCURLOPT_PROXYUSERNAME = 10175, cCURLOPT_PROXYPASSWORD = 10176,
    cCURLOPT_NOPROXY = 10177, cCURLOPT_FRESH_CONNECT = 74, cCURLOPT_SUPPRESS_CONNECT_HEADERS = 265, cCURLOPT_PROTOCOLS = 181, cCURLOPT_UPLOAD_BUFFERSIZE = 280, cCURLOPT_QUICK_EXIT = 322,
};

enum { cCURLPROTO_HTTP = 1, cCURLPROTO_HTTPS = 2 };

enum {
    cCURLINFO_RESPONSE_CODE = 0x200002, cCURLINFO_TOTAL_TIME = 0x300003, cCURLINFO_NAMELOOKUP_TIME = 0x300004,
    cCURLINFO_CONNECT_TIME = 0x300005, cCURLINFO_STARTTRANSFER_TIME = 0x300011, cCURLINFO_OS_ERRNO = 0x200019,
    cCURLINFO_NUM_CONNECTS = 0x20001A, cCURLINFO_REDIRECT_URL = 0x10001F, cCURLINFO_APPCONNECT_TIME = 0x300021,
    cCURLINFO_LOCAL_IP = 0x100029, cCURLINFO_HTTP_CONNECTCODE = 0x200016,
};

enum {
    cCURLE_OK = 0, cCURLE_UNSUPPORTED_PROTOCOL = 1, cCURLE_NOT_BUILT_IN = 4, cCURLE_COULDNT_RESOLVE_PROXY = 5,
    cCURLE_COULDNT_RESOLVE_HOST = 6, cCURLE_COULDNT_CONNECT = 7, cCURLE_WEIRD_SERVER_REPLY = 8, cCURLE_HTTP2 = 16,
    cCURLE_PARTIAL_FILE = 18, cCURLE_WRITE_ERROR = 23, cCURLE_OUT_OF_MEMORY = 27, cCURLE_OPERATION_TIMEDOUT = 28,
    cCURLE_SSL_CONNECT_ERROR = 35, cCURLE_ABORTED_BY_CALLBACK = 42, cCURLE_UNKNOWN_OPTION = 48,
    cCURLE_GOT_NOTHING = 52, cCURLE_SEND_ERROR = 55, cCURLE_RECV_ERROR = 56, cCURLE_PEER_FAILED_VERIFICATION = 60,
    cCURLE_SEND_FAIL_REWIND = 65, cCURLE_HTTP2_STREAM = 92, cCURLE_PROXY = 97,
};

enum { cCURLMSG_DONE = 1 };

// Returned by a function that reads what is to be sent.
static const size_t cCURL_READFUNC_ABORT = 0x10000000;

// MARK: Types

struct cCurlWait { int fd; short events; short revents; };

struct cCurlMessage {
    int message;
    void *easy;
    union { void *whatever; int result; } data;
};

typedef size_t (*cCurlTransfer)(char *bytes, size_t size, size_t count, void *context);
typedef int (*cCurlSeek)(void *context, int64_t offset, int origin);
typedef int (*cCurlContext)(void *easy, void *context, void *own);

// MARK: Calls

static inline int cCurlGlobalInit(void *function, long flags) { return ((int (*)(long))function)(flags); }

static inline void *cCurlMake(void *function) { return ((void *(*)(void))function)(); }

static inline void cCurlEnd(void *function, void *handle) { ((void (*)(void *))function)(handle); }

static inline int cCurlEndMulti(void *function, void *multi) { return ((int (*)(void *))function)(multi); }

static inline int cCurlSetLong(void *function, void *easy, int option, long value) {
    return ((int (*)(void *, int, ...))function)(easy, option, value);
}

static inline int cCurlSetOffset(void *function, void *easy, int option, int64_t value) {
    return ((int (*)(void *, int, ...))function)(easy, option, value);
}

static inline int cCurlSetPointer(void *function, void *easy, int option, void *value) {
    return ((int (*)(void *, int, ...))function)(easy, option, value);
}

static inline int cCurlSetText(void *function, void *easy, int option, const char *value) {
    return ((int (*)(void *, int, ...))function)(easy, option, value);
}

static inline int cCurlSetTransfer(void *function, void *easy, int option, cCurlTransfer value) {
    return ((int (*)(void *, int, ...))function)(easy, option, value);
}

static inline int cCurlSetSeek(void *function, void *easy, int option, cCurlSeek value) {
    return ((int (*)(void *, int, ...))function)(easy, option, value);
}

static inline int cCurlSetContext(void *function, void *easy, int option, cCurlContext value) {
    return ((int (*)(void *, int, ...))function)(easy, option, value);
}

static inline int cCurlGetLong(void *function, void *easy, int info, long *value) {
    return ((int (*)(void *, int, ...))function)(easy, info, value);
}

static inline int cCurlGetDouble(void *function, void *easy, int info, double *value) {
    return ((int (*)(void *, int, ...))function)(easy, info, value);
}

static inline int cCurlGetText(void *function, void *easy, int info, char **value) {
    return ((int (*)(void *, int, ...))function)(easy, info, value);
}

static inline void *cCurlAppend(void *function, void *list, const char *text) {
    return ((void *(*)(void *, const char *))function)(list, text);
}

static inline int cCurlPair(void *function, void *multi, void *easy) {
    return ((int (*)(void *, void *))function)(multi, easy);
}

static inline int cCurlPerform(void *function, void *multi, int *running) {
    return ((int (*)(void *, int *))function)(multi, running);
}

static inline int cCurlPoll(void *function, void *multi, struct cCurlWait *extra, unsigned count, int milliseconds) {
    return ((int (*)(void *, struct cCurlWait *, unsigned, int, int *))function)(multi, extra, count, milliseconds, NULL);
}

static inline struct cCurlMessage *cCurlInfo(void *function, void *multi, int *left) {
    return ((struct cCurlMessage *(*)(void *, int *))function)(multi, left);
}

static inline const char *cCurlWords(void *function, int code) { return ((const char *(*)(int))function)(code); }

#endif
