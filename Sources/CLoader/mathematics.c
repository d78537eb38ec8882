// The functions of libm that the library of Swift refers to, each looked up at its first call. To open libm and bind all of them at each
// start would be a tenth of it, and most runs call none.
#ifdef CLOADER_MATHEMATICS
#define _GNU_SOURCE
#include "CLoader.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static void *library;
static const char *problem;

static void openMathematics(void) { library = openSystemLibrary("libm.so.6", &problem); }

/// Without it no result would be right, and who asks for one cannot be told. libm is a part of libc's package.
static void *find(const char *name) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *reason;
    void *function = NULL;
    pthread_once(&once, openMathematics);
    reason = problem;
    if (library != NULL) function = findFunction(library, "libm.so.6", name, &reason);
    if (function != NULL) return function;
    fprintf(stderr, "dcmscu: %s\n", reason);
    abort();
}

#define DEFINE(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                                     \
    __attribute__((visibility("hidden"))) RESULT NAME PARAMETERS {                                                      \
        static RESULT(*_Atomic kept) PARAMETERS;                                                                        \
        RESULT(*function) PARAMETERS = atomic_load_explicit(&kept, memory_order_relaxed);                               \
        if (function == NULL) {                                                                                         \
            function = (RESULT(*) PARAMETERS)find(#NAME);                                                               \
            atomic_store_explicit(&kept, function, memory_order_relaxed);                                               \
        }                                                                                                               \
        return function ARGUMENTS;                                                                                      \
    }

#define OF_ONE(TYPE, NAME) DEFINE(TYPE, NAME, (TYPE x), (x))
#define OF_TWO(TYPE, NAME) DEFINE(TYPE, NAME, (TYPE x, TYPE y), (x, y))
#define OF_EACH_TYPE(NAME, PARAMETERS, ARGUMENTS)                                                                       \
    DEFINE(double, NAME, PARAMETERS(double), ARGUMENTS)                                                                 \
    DEFINE(float, NAME##f, PARAMETERS(float), ARGUMENTS)                                                                \
    DEFINE(long double, NAME##l, PARAMETERS(long double), ARGUMENTS)

#define D(NAME) OF_ONE(double, NAME)
#define F(NAME) OF_ONE(float, NAME)
#define L(NAME) OF_ONE(long double, NAME)

D(ceil) D(cos) D(exp) D(exp2) D(floor) D(log) D(log10) D(log2) D(nearbyint) D(rint) D(round) D(sin) D(sqrt) D(trunc)

F(acosf) F(acoshf) F(asinf) F(asinhf) F(atanf) F(atanhf) F(cbrtf) F(ceilf) F(cosf) F(coshf) F(erfcf) F(erff) F(exp2f) F(expf) F(expm1f)
F(floorf) F(log10f) F(log1pf) F(log2f) F(logbf) F(logf) F(nearbyintf) F(rintf) F(roundf) F(sinf) F(sinhf) F(sqrtf) F(tanf) F(tanhf)
F(tgammaf) F(truncf)

L(acoshl) L(acosl) L(asinhl) L(asinl) L(atanhl) L(atanl) L(cbrtl) L(ceill) L(coshl) L(cosl) L(erfcl) L(erfl) L(exp2l) L(expl) L(expm1l)
L(floorl) L(log10l) L(log1pl) L(log2l) L(logbl) L(logl) L(nearbyintl) L(rintl) L(roundl) L(sinhl) L(sinl) L(sqrtl) L(tanhl) L(tanl)
L(tgammal) L(truncl)

OF_TWO(double, fmod) OF_TWO(double, remainder)
OF_TWO(float, atan2f) OF_TWO(float, fdimf) OF_TWO(float, fmodf) OF_TWO(float, hypotf) OF_TWO(float, nextafterf) OF_TWO(float, powf)
OF_TWO(float, remainderf)
OF_TWO(long double, atan2l) OF_TWO(long double, fdiml) OF_TWO(long double, fmaxl) OF_TWO(long double, fminl) OF_TWO(long double, fmodl)
OF_TWO(long double, hypotl) OF_TWO(long double, nextafterl) OF_TWO(long double, powl) OF_TWO(long double, remainderl)

#define THREE(TYPE) (TYPE x, TYPE y, TYPE z)
#define TWO_AND_QUOTIENT(TYPE) (TYPE x, TYPE y, int *quotient)
OF_EACH_TYPE(fma, THREE, (x, y, z))
OF_EACH_TYPE(remquo, TWO_AND_QUOTIENT, (x, y, quotient))

DEFINE(double, lgamma_r, (double x, int *sign), (x, sign))
DEFINE(float, lgammaf_r, (float x, int *sign), (x, sign))
DEFINE(long double, lgammal_r, (long double x, int *sign), (x, sign))
DEFINE(double, jn, (int n, double x), (n, x))
DEFINE(double, yn, (int n, double x), (n, x))
DEFINE(float, nanf, (const char *tag), (tag))
DEFINE(long double, nanl, (const char *tag), (tag))
#endif
