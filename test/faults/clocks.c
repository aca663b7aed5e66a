// Goes with libfaketime, which corrects the waits of pthread_cond_timedwait for the clock that it shifts, but not those
// of its C11 name: librdkafka would wait for an hour where it wants to wait a second. In glibc both are one thing.
#include <errno.h>
#include <pthread.h>
#include <threads.h>

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    int code = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : thrd_error;
}
