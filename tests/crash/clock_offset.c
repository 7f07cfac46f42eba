/* Moves the wall clock of one process: preloaded into it, adds to every reading the milliseconds
 * that the file named by CAIRN_TESTS_CLOCK_OFFSET holds at that moment (8 bytes, signed,
 * little-endian). Other clocks, which never jump, are left alone. */

#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_ms;

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv("CAIRN_TESTS_CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort(); /* A test that moves no clock would test nothing. */
    void *mapped = mmap(NULL, sizeof *offset_ms, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        abort();
    close(file);
    offset_ms = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *reading)
{
    long failed = syscall(SYS_clock_gettime, clock, reading);
    if (failed || clock != CLOCK_REALTIME || !offset_ms)
        return (int)failed;
    int64_t ahead = (int64_t)le64toh((uint64_t)*offset_ms);
    int64_t millis = (int64_t)reading->tv_sec * 1000 + reading->tv_nsec / 1000000 + ahead;
    reading->tv_sec = millis / 1000;
    reading->tv_nsec = millis % 1000 * 1000000 + reading->tv_nsec % 1000000;
    return 0;
}
