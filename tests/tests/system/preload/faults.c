/* Stands between a program and the system, by LD_PRELOAD: files of output may be slow or stand still, and the clock may be set.
 * What it does is in a small file that the test writes to while the program runs. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int64_t clock_ms; /* added to the time of day */
    volatile int64_t sync_ms;  /* what a sync of a file of output takes longer */
    volatile int64_t still;    /* writes to files of output and their syncs wait while it is not 0 */
};

static struct control nothing;
static struct control *control = &nothing;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *place = mmap(NULL, sizeof nothing, PROT_READ, MAP_SHARED, file, 0);
        if (place != MAP_FAILED)
            control = place;
        close(file);
    }
    /* What the program starts runs without. */
    unsetenv("LD_PRELOAD");
}

static int is_output(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strstr(path, "/data/logs/") != NULL;
}

static void wait_for(int file, int64_t ms) {
    if ((ms == 0 && control->still == 0) || !is_output(file))
        return;
    usleep((useconds_t)ms * 1000);
    while (control->still != 0)
        usleep(1000);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int file) {
    wait_for(file, control->sync_ms);
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    wait_for(file, control->sync_ms);
    return REAL(fdatasync)(file);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    wait_for(file, 0);
    return REAL(pwrite)(file, bytes, length, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    wait_for(file, 0);
    return REAL(pwrite64)(file, bytes, length, at);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static __typeof__(&clock_gettime) real;
    if (real == NULL)
        real = REAL(clock_gettime);
    int result = real(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = time->tv_nsec + (control->clock_ms % 1000) * 1000000;
        time->tv_sec += control->clock_ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
        time->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    }
    return result;
}
