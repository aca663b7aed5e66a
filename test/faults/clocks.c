// Loaded before everything else, shows a process a time of day that is CLOCK_SHIFT seconds off. Waits until a time of
// day are shifted back, so that they last as long as they would. The monotonic clock stays as it is.
//
// libfaketime does not do: it shifts the clock that librdkafka reads and not its waits, which then last an hour.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
// A machine has not been up for as long: what is greater is a time of day.
#define LEAST_TIME_OF_DAY 1000000000

static long shift(void) {
    const char *told = getenv("CLOCK_SHIFT");
    return told ? atol(told) : 0;
}

static struct timespec back(const struct timespec *until) {
    struct timespec real = *until;
    if (real.tv_sec > LEAST_TIME_OF_DAY) real.tv_sec -= shift();
    return real;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int code = REAL(clock_gettime)(clock, now);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return code;
}

int gettimeofday(struct timeval *now, void *zone) {
    int code = REAL(gettimeofday)(now, zone);
    if (code == 0) now->tv_sec += shift();
    return code;
}

time_t time(time_t *now) {
    time_t shown = REAL(time)(NULL) + shift();
    if (now) *now = shown;
    return shown;
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    struct timespec real = back(until);
    return REAL(cnd_timedwait)(condition, mutex, &real);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    struct timespec real = back(until);
    // The oldest version of this symbol, which dlsym may find, knows other conditions.
    void *newer = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    return (newer ? (__typeof__(&pthread_cond_timedwait))newer : REAL(pthread_cond_timedwait))(condition, mutex, &real);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    struct timespec real = back(until);
    return REAL(sem_timedwait)(semaphore, &real);
}
